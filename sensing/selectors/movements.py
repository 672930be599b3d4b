"""From where to where: movements between the lines of a camera."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, TypedDict

from django.db.models import Sum

from sensing.models import Camera, QuarterMovement
from sensing.selectors.quarters import quarters_of
from sensing.selectors.rollups import sums_over


class MovementCount(TypedDict):
    """Trips of one class that passed ``from_line`` first and ``to_line`` last; ``share_percent`` of
    all movements of the camera that were asked for."""

    camera: int
    from_line: str
    from_direction: str
    to_line: str
    to_direction: str
    object_class: str
    count: int
    share_percent: float


def movement_counts(
    cameras: Collection[int],
    start: datetime,
    end: datetime,
    classes: Collection[str] = (),
) -> Iterator[MovementCount]:
    """Movements in the whole quarters that cover [start, end); no ``classes`` means all."""
    chosen: dict[str, Any] = {"object_class__in": classes} if classes else {}
    # Where all are asked for, rows are found by time alone, which is how they lie on the disk.
    if len(set(cameras)) < Camera.objects.count():
        chosen["camera_id__in"] = cameras
    gates = ("origin_line", "origin_direction", "destination_line", "destination_direction")
    by = ("camera_id", *gates, "object_class")
    found = sums_over(QuarterMovement, chosen, quarters_of(start, end), by, total=Sum("count"))
    totals: dict[int, int] = {}
    for (camera, *_rest), row in found.items():
        totals[camera] = totals.get(camera, 0) + row["total"]
    for (camera, origin, out_of, destination, into, object_class), row in sorted(found.items()):
        count = row["total"]
        yield {
            "camera": camera,
            "from_line": origin,
            "from_direction": out_of,
            "to_line": destination,
            "to_direction": into,
            "object_class": object_class,
            "count": count,
            "share_percent": round(100.0 * count / totals[camera], 3),
        }
