"""System checks: what would only fail later, said at start."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register


@register()
def data_dir_is_writable(**_: Any) -> list[CheckMessage]:
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    if os.access(settings.DATA_DIR, os.W_OK | os.X_OK):
        return []
    return [
        Error(
            f"The data folder {settings.DATA_DIR} cannot be written to.",
            hint="Set AISION_DATA_DIR to a folder that this user owns.",
            id="aision.E001",
        )
    ]


@register(deploy=True)
def hosts_are_named(**_: Any) -> list[CheckMessage]:
    if settings.ALLOWED_HOSTS != ["*"]:
        return []
    return [
        Warning(
            "Any host name is accepted.",
            hint="Set AISION_ALLOWED_HOSTS to the names that browsers use for this gateway.",
            id="aision.W001",
        )
    ]
