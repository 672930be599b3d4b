"""The people page; its numbers come from ``/api/v1/statistics/people/``."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sensing.domain.statistics.people import LEAST_STAYS_MEDIAN, LEAST_STAYS_P90
from sensing.selectors import camera_list
from sensing.selectors.people import RESET_HOUR, person_lines


@require_safe
@permission_required("sensing.view_camera", raise_exception=True)
def people_page(request: HttpRequest) -> HttpResponse:
    cameras = list(camera_list())
    counted = person_lines(cameras)
    places = [
        {
            "id": camera.pk,
            "name": camera.name,
            "lines": [
                {"id": line["id"], "name": line["name"], "points": line["points"]}
                for line in camera.scene.lines
                if line["id"] in counted[camera.pk]
            ],
            "zones": [{"id": zone["id"], "name": zone["name"]} for zone in camera.scene.zones],
        }
        for camera in cameras
        if camera.pk in counted
    ]
    limits = {"median": LEAST_STAYS_MEDIAN, "p90": LEAST_STAYS_P90}
    context = {
        "cameras": places,
        "any_camera": bool(cameras),
        "limits": limits,
        "hours": range(24),
        "reset_hour": RESET_HOUR,
    }
    return render(request, "people/people.html", context)
