"""Pages about accounts: API tokens."""

from __future__ import annotations

from django.urls import path

from aision.accounts import views

urlpatterns = [
    path("settings/tokens/", views.token_list, name="token_list"),
    path("settings/tokens/<int:pk>/revoke/", views.token_revoke, name="token_revoke"),
]
