"""Pages of movements between lines and of the heat map; their numbers come from REST."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sensing.models import Camera
from sensing.selectors import camera_list


@require_safe
@permission_required("sensing.view_camera", raise_exception=True)
def movements_page(request: HttpRequest) -> HttpResponse:
    cameras = [_place(camera) for camera in camera_list()]
    return render(request, "traffic/movements.html", {"cameras": cameras})


@require_safe
@permission_required("sensing.view_camera", raise_exception=True)
def heat_page(request: HttpRequest) -> HttpResponse:
    cameras = [
        _place(camera)
        | {
            "zones": camera.scene.zones,
            "pictures": camera.pictures,
            "width": camera.state.width,
            "height": camera.state.height,
        }
        for camera in camera_list()
    ]
    return render(request, "traffic/heat.html", {"cameras": cameras})


def _place(camera: Camera) -> dict[str, Any]:
    return {"id": camera.pk, "name": camera.name, "lines": camera.scene.lines}
