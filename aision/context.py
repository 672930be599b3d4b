"""What every page knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from sensing.selectors import current_site


def gateway(request: HttpRequest) -> dict[str, Any]:
    return {"site": current_site(), "version": settings.VERSION}
