"""Who does something."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

Actor = AbstractBaseUser | AnonymousUser | None
"""None: the gateway itself, as at its first start."""


def user_id(by: Actor) -> int | None:
    """The key of a signed-in person; None for the gateway itself."""
    return by.pk if by is not None and by.is_authenticated else None
