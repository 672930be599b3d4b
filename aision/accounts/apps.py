from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "aision.accounts"
    label = "accounts"
    verbose_name = _("Access")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from aision.accounts import schema  # noqa: F401, PLC0415  tells OpenAPI of the tokens
        from aision.accounts.roles import roles_ensure  # noqa: PLC0415

        post_migrate.connect(roles_ensure, dispatch_uid="aision.accounts.roles")
