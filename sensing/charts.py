"""Series for the charts of zones; those of lines come from ``selectors.count_bins``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from sensing.models import Camera, ObservedMinute, ZoneMinute
from sensing.selectors import site_time_zone
from sensing.selectors.bins import bin_edges

MAX_BINS = 3000


def zone_bins(
    cameras: Iterable[Camera], start: datetime, end: datetime, bin_minutes: int
) -> Iterator[dict[str, Any]]:
    """Bins of every zone that cover [start, end), camera by camera, in time order.

    ``visits`` (entered in the bin), ``occupancy_mean`` (objects, over the seconds observed) and
    ``occupancy_max`` are None where nothing was observed: a gap is not a zero.
    """
    edges = bin_edges(start, end, bin_minutes, site_time_zone())
    for camera in cameras:
        yield from _camera_zone_bins(camera, edges)


def _camera_zone_bins(camera: Camera, edges: list[int]) -> Iterator[dict[str, Any]]:
    window = {"camera": camera, "minute__gte": edges[0], "minute__lt": edges[-1]}
    observed = dict(ObservedMinute.objects.filter(**window).values_list("minute", "observed_s"))
    for zone in camera.scene.zones:
        rows = {row.minute: row for row in ZoneMinute.objects.filter(**window, zone_id=zone["id"])}
        for begin, after in pairwise(edges):
            minutes = range(begin, after)
            observed_s = sum(observed.get(minute, 0.0) for minute in minutes)
            found = [rows[minute] for minute in minutes if minute in rows]
            known = observed_s > 0 or bool(found)
            occupied_s = sum(row.occupied_s for row in found)
            yield {
                "start": datetime.fromtimestamp(begin * 60, UTC).isoformat(),
                "end": datetime.fromtimestamp(after * 60, UTC).isoformat(),
                "camera": camera.pk,
                "zone": zone["id"],
                "visits": sum(row.visits for row in found) if known else None,
                "occupancy_mean": round(occupied_s / observed_s, 3) if observed_s > 0 else None,
                "occupancy_max": max((row.occupancy_max for row in found), default=0)
                if known
                else None,
                "observed_s": round(observed_s, 3),
            }
