"""``Authorization: Bearer aision_…``"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from aision.accounts.models import ApiToken
from aision.accounts.services import token_use


class TokenAuthentication(BaseAuthentication):
    """A request with a token acts as the token's owner, within the token's scope."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed(_("Expected “Authorization: Bearer” and one token."))
        token = token_use(words[1].decode("latin-1"))
        if token is None:
            raise AuthenticationFailed(_("The token is unknown or has expired."))
        return token.owner, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
