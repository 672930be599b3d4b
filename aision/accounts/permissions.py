"""Who may call which REST endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from aision.accounts.models import ApiToken, TokenScope
from aision.accounts.roles import role_permissions

if TYPE_CHECKING:  # rest_framework.views itself imports this file, by the settings
    from rest_framework.views import APIView

VERBS = {
    "GET": "view",
    "HEAD": "view",
    "OPTIONS": "view",
    "POST": "add",
    "PUT": "change",
    "PATCH": "change",
    "DELETE": "delete",
}


class RolePermission(BasePermission):
    """The user's Django permissions, narrowed by the scope of the token that was used.

    A view with a queryset needs view, add, change or delete of its model. Another view, or an
    action that is none of these, names what it needs in ``required_permissions``
    (method → permission).
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if not user or not user.is_authenticated:
            return False
        needed = self.needed(request.method or "", view)
        if needed is None or not user.has_perm(needed):
            return False
        return not isinstance(request.auth, ApiToken) or within_scope(
            request.auth, request.method or "", needed
        )

    def needed(self, method: str, view: APIView) -> str | None:
        """The permission that a call needs; None: the view does not know this method."""
        named: dict[str, str] | None = getattr(view, "required_permissions", None)
        if named is not None:
            # A method that the view lacks is answered 405, to those who may look at all.
            return named.get(method) or named.get("GET") or next(iter(named.values()))
        queryset: QuerySet[Any] | None = getattr(view, "queryset", None)
        if queryset is None or method not in VERBS:
            return None
        meta = queryset.model._meta
        return f"{meta.app_label}.{VERBS[method]}_{meta.model_name}"


def within_scope(token: ApiToken, method: str, permission: str) -> bool:
    """Whether a token's scope covers a call that its owner may make."""
    if token.scope == TokenScope.ADMIN:
        return True
    if token.scope == TokenScope.READ:
        return method in SAFE_METHODS
    app_label, codename = permission.split(".")
    # Write covers what an operator may do, also in the hands of an admin.
    return (
        Permission.objects.filter(role_permissions("operator"))
        .filter(content_type__app_label=app_label, codename=codename)
        .exists()
    )
