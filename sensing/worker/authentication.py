"""Answers to the Basic and Digest challenges of cameras (RFC 7617, RFC 7616, RFC 2617)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence

_PARAMETER = re.compile(r'([A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_ALGORITHMS: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}


def authorization(
    challenges: Sequence[str], method: str, uri: str, username: str, password: str
) -> str | None:
    """The Authorization header for the strongest challenge that can be answered, else None.

    ``challenges`` are the values of the WWW-Authenticate headers; ``uri`` is the request's target.
    """
    digests = [c for c in challenges if c.strip().lower().startswith("digest")]
    # Cameras that offer SHA-256 beside MD5 list both.
    for challenge in sorted(digests, key=lambda c: "sha-256" not in c.lower()):
        if (answer := _digest(challenge, method, uri, username, password)) is not None:
            return answer
    if any(c.strip().lower().startswith("basic") for c in challenges):
        pair = f"{username}:{password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"
    return None


def _digest(challenge: str, method: str, uri: str, username: str, password: str) -> str | None:
    given = {
        match[1].lower(): match[2] if match[2] is not None else match[3]
        for match in _PARAMETER.finditer(challenge.strip()[len("digest") :])
    }
    algorithm = given.get("algorithm", "MD5").upper()
    digest = _ALGORITHMS.get(algorithm)
    if digest is None or "realm" not in given or "nonce" not in given:
        return None

    def hashed(*parts: str) -> str:
        return digest(":".join(parts).encode())

    key, request = hashed(username, given["realm"], password), hashed(method, uri)
    fields = {"username": username, "realm": given["realm"], "nonce": given["nonce"], "uri": uri}
    bare = ""
    if "auth" in [q.strip() for q in given.get("qop", "").split(",")]:
        count, own = "00000001", secrets.token_hex(8)
        fields |= {
            "response": hashed(key, given["nonce"], count, own, "auth", request), "cnonce": own,
        }  # fmt: skip
        bare = f", qop=auth, nc={count}"
    else:
        fields["response"] = hashed(key, given["nonce"], request)
    if "opaque" in given:
        fields["opaque"] = given["opaque"]
    if "algorithm" in given:
        bare += f", algorithm={given['algorithm']}"
    quoted = ", ".join(
        f'{name}="{value.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"'
        for name, value in fields.items()
    )
    return f"Digest {quoted}{bare}"
