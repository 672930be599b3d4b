"""Signatures of webhooks, as the Standard Webhooks specification has them.

``webhook-signature: v1,<base64 of HMAC-SHA256(key, id + "." + timestamp + "." + body)>``; the key
is what follows ``whsec_``, decoded from base64, or the secret's own bytes where it has no prefix.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
SHORTEST = 16


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """Raises ``ValueError`` for a secret that is too short or no base64 behind its prefix."""
    if secret.startswith(PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error as error:
            raise ValueError(f"expected base64 behind {PREFIX}") from error
    else:
        key = secret.encode()
    if len(key) < SHORTEST:
        raise ValueError(f"expected at least {SHORTEST} bytes, got {len(key)}")
    return key


def signature(secret: str, message_id: str, timestamp_s: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()


def verify(secret: str, message_id: str, timestamp_s: int, body: bytes, given: str) -> bool:
    """Whether one of the signatures of a header, separated by spaces, is ours. For readers."""
    expected = signature(secret, message_id, timestamp_s, body)
    return any(hmac.compare_digest(expected, one) for one in given.split())
