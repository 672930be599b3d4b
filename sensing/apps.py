from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SensingConfig(AppConfig):
    name = "sensing"
    verbose_name = _("Sensing")

    def ready(self) -> None:
        from models_registry.surroundings import provide  # noqa: PLC0415
        from sensing.evaluation import Sensing  # noqa: PLC0415

        provide(Sensing)
