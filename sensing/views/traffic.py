"""Traffic: counts, speeds and flow over a period. Pages draw what the REST endpoints tell."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from sensing.models import Calibration
from sensing.selectors import camera_list, current_site


@require_safe
@permission_required("sensing.view_camera", raise_exception=True)
def counts(request: HttpRequest) -> HttpResponse:
    return _page(request, "counts")


@require_safe
@permission_required("sensing.view_camera", raise_exception=True)
def speeds(request: HttpRequest) -> HttpResponse:
    return _page(request, "speeds")


@require_safe
@permission_required("sensing.view_camera", raise_exception=True)
def flow(request: HttpRequest) -> HttpResponse:
    return _page(request, "flow")


def _page(request: HttpRequest, tab: str) -> HttpResponse:
    site = current_site()
    context = {"tab": tab, "cameras": _cameras(), "unit": {"speed": site.speed_unit}}
    return render(request, f"traffic/{tab}.html", context)


def _cameras() -> list[dict[str, Any]]:
    """What filters offer, and what an empty page has to know: lines and calibrations."""
    calibrated = set(
        Calibration.objects.filter(retired_at=None).values_list("camera_id", flat=True)
    )
    return [
        {
            "id": camera.pk,
            "name": camera.name,
            "lines": [
                {
                    "id": line["id"],
                    "name": line["name"],
                    "limit_mps": line.get("speed_limit_mps"),
                }
                for line in camera.scene.lines
            ],
            "zones": [{"id": zone["id"], "name": zone["name"]} for zone in camera.scene.zones],
            "calibrated": camera.pk in calibrated,
            "calibration_url": reverse("calibration", args=[camera.pk]),
            "scene_url": reverse("scene_editor", args=[camera.pk]),
        }
        for camera in camera_list()
    ]
