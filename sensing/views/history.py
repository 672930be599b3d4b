"""The history page and the zone series it draws; its counts come from the REST endpoint."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from sensing.charts import MAX_BINS, zone_bins
from sensing.selectors import BIN_MINUTES, camera_list


@require_safe
@permission_required("sensing.view_camera", raise_exception=True)
def history(request: HttpRequest) -> HttpResponse:
    cameras = [
        {
            "id": camera.pk,
            "name": camera.name,
            "lines": [{"id": line["id"], "name": line["name"]} for line in camera.scene.lines],
            "zones": [{"id": zone["id"], "name": zone["name"]} for zone in camera.scene.zones],
        }
        for camera in camera_list()
    ]
    return render(request, "history.html", {"cameras": cameras})


@require_safe
@permission_required("sensing.view_camera", raise_exception=True)
def zone_bins_page(request: HttpRequest) -> JsonResponse:
    """Visits and occupancy of zones in bins: ``?from=&to=&bin=&camera=``."""
    start, end = _moment(request.GET.get("from")), _moment(request.GET.get("to"))
    minutes = request.GET.get("bin", "")
    if start is None or end is None or end <= start:
        return _refused("period", _("Expected from and to as ISO times, from before to."))
    if not minutes.isdecimal() or int(minutes) not in BIN_MINUTES:
        return _refused("bin", _("Expected a bin of 1, 5, 15, 60, 1440 or 10080 minutes."))
    if (end - start).total_seconds() / 60 / int(minutes) > MAX_BINS:
        return _refused("period", _("That is too long for such short bins: choose longer bins."))
    cameras = camera_list()
    chosen = request.GET.get("camera", "")
    if chosen.isdecimal():
        cameras = cameras.filter(pk=int(chosen))
    bins: list[dict[str, Any]] = list(zone_bins(cameras, start, end, int(minutes)))
    return JsonResponse({"results": bins})


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parse_datetime(text or "")
    except ValueError:
        return None
    # Without an offset, a time is one of the site's clock.
    return timezone.make_aware(moment) if moment and timezone.is_naive(moment) else moment


def _refused(field: str, message: str) -> JsonResponse:
    return JsonResponse({"code": field, "message": message, "field": field}, status=400)
