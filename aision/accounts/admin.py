"""API tokens: made on a page of their own, which shows the secret once; revoked here."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from aision.accounts.models import ApiToken
from models_registry.admin.bases import ModelAdmin


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin[ApiToken]):
    list_display = ("name", "owner", "scope", "created_at", "last_used_at", "expires_at")
    list_select_related = ("owner",)
    fields = list_display

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False
