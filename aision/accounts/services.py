"""Making and using API tokens."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from aision.accounts.models import ApiToken, TokenScope

PREFIX = "aision_"
# A write for each API call would make the database's one writer wait for readers.
LAST_USED_EVERY = timedelta(minutes=1)


def token_create(
    *,
    owner: User,
    name: str,
    scope: str = TokenScope.READ,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """A new token: its row, and the secret, which cannot be had again."""
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        name=name.strip(),
        owner=owner,
        sha256=token_digest(secret),
        scope=scope,
        expires_at=expires_at,
    )
    token.full_clean()
    token.save()
    return token, secret


def token_digest(secret: str) -> str:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode()).hexdigest()


def token_use(secret: str) -> ApiToken | None:
    """The valid token of this secret, noting its use; None when unknown, expired or orphaned."""
    token = ApiToken.objects.select_related("owner").filter(sha256=token_digest(secret)).first()
    now = timezone.now()
    if token is None or token.expired(now) or not token.owner.is_active:
        return None
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_EVERY)
    if token.last_used_at is None or token.last_used_at < now - LAST_USED_EVERY:
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
    return token
