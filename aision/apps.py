from __future__ import annotations

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "aision"
    verbose_name = "AISION gateway"

    def ready(self) -> None:
        from aision import checks  # noqa: F401, PLC0415  registers the system checks
