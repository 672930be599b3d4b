"""The calibration page of a camera."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from sensing.selectors import camera_list, live_snapshot
from sensing.selectors.calibrations import active_calibration, calibration_answer, calibrations

MOST_HISTORY = 50


@require_safe
@permission_required("sensing.view_calibration", raise_exception=True)
def calibration_page(request: HttpRequest, pk: int) -> HttpResponse:
    camera = get_object_or_404(camera_list(), pk=pk)
    active = active_calibration(camera)
    rows = calibrations().filter(camera=camera)[:MOST_HISTORY]
    context = {
        "camera": camera,
        "entries": live_snapshot([pk]),
        "calibration": None if active is None else calibration_answer(active),
        "history": [calibration_answer(row, whole=False) for row in rows],
        "may_calibrate": request.user.has_perm("sensing.change_calibration"),
    }
    return render(request, "cameras/calibration.html", context)
