"""Counts of now: today, this hour, the last sixty minutes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo

from django.db.models import Max, Q, Sum
from django.utils import timezone

from sensing.models import Camera, CountInterval, ObservedMinute, ZoneMinute
from sensing.selectors.site import epoch_minute, local_midnight, site_time_zone

LAST_MINUTES = 60
OCCUPANCY_FRESH_MINUTES = 2

ByLine = dict[str, dict[str, dict[str, int]]]  # line id → direction → class → count


class MinuteCounts(TypedDict):
    minute: int
    observed_s: float
    forward: int
    backward: int


class CountsSnapshot(TypedDict):
    """``occupancy`` is the mean over the newest minute, rounded: live overlays say it exactly."""

    today: ByLine
    hour: ByLine
    minutes: list[MinuteCounts]
    occupancy: dict[str, int]
    visits_today: dict[str, int]


@dataclass(frozen=True)
class _Clock:
    """Minutes at which today, this clock hour and the chart of the last hour begin."""

    minute: int
    day: int
    hour: int
    chart: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "chart", self.minute - LAST_MINUTES + 1)


def camera_counts(camera: Camera, now: datetime | None = None) -> CountsSnapshot:
    """One camera's counts in the site's time zone."""
    return counts_of([camera.pk], now)[camera.pk]


def counts_of(
    camera_ids: Collection[int], now: datetime | None = None
) -> dict[int, CountsSnapshot]:
    """Counts of many cameras, in as many queries as for one."""
    clock = _clock(now or timezone.now(), site_time_zone())
    snapshots = {camera_id: _empty(clock) for camera_id in camera_ids}
    _add_lines(snapshots, clock)
    _add_minutes(snapshots, clock)
    _add_zones(snapshots, clock)
    return snapshots


def _clock(now: datetime, zone: ZoneInfo) -> _Clock:
    local = now.astimezone(zone)
    into_hour = timedelta(
        minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )
    return _Clock(
        minute=epoch_minute(now),
        day=epoch_minute(local_midnight(local.date(), zone)),
        hour=epoch_minute(now.astimezone(UTC) - into_hour),
    )


def _empty(clock: _Clock) -> CountsSnapshot:
    return {
        "today": {},
        "hour": {},
        "minutes": [
            {"minute": minute, "observed_s": 0.0, "forward": 0, "backward": 0}
            for minute in range(clock.chart, clock.minute + 1)
        ],
        "occupancy": {},
        "visits_today": {},
    }


def _add_lines(snapshots: dict[int, CountsSnapshot], clock: _Clock) -> None:
    begin = min(clock.day, clock.hour)
    rows = (
        CountInterval.objects.filter(
            camera_id__in=snapshots, minute__gte=begin, minute__lte=clock.minute
        )
        .values_list("camera_id", "line_id", "direction", "object_class")
        .annotate(
            today=Sum("count", filter=Q(minute__gte=clock.day), default=0),
            hour=Sum("count", filter=Q(minute__gte=clock.hour), default=0),
        )
    )
    for camera_id, line, direction, object_class, today, hour in rows:
        for count, by_line in (
            (today, snapshots[camera_id]["today"]),
            (hour, snapshots[camera_id]["hour"]),
        ):
            if count:
                by_line.setdefault(line, {}).setdefault(direction, {})[object_class] = count


def _add_minutes(snapshots: dict[int, CountsSnapshot], clock: _Clock) -> None:
    window = {"camera_id__in": snapshots, "minute__range": (clock.chart, clock.minute)}
    crossed: Iterable[tuple[int, int, str, int]] = (
        CountInterval.objects.filter(**window)
        .values_list("camera_id", "minute", "direction")
        .annotate(total=Sum("count"))
    )
    for camera_id, minute, direction, total in crossed:
        entry = snapshots[camera_id]["minutes"][minute - clock.chart]
        if direction == "forward":
            entry["forward"] = total
        else:
            entry["backward"] = total
    observed = ObservedMinute.objects.filter(**window)
    for camera_id, minute, seconds in observed.values_list("camera_id", "minute", "observed_s"):
        snapshots[camera_id]["minutes"][minute - clock.chart]["observed_s"] = round(seconds, 3)


def _add_zones(snapshots: dict[int, CountsSnapshot], clock: _Clock) -> None:
    today = (
        ZoneMinute.objects.filter(
            camera_id__in=snapshots, minute__gte=clock.day, minute__lte=clock.minute
        )
        .values_list("camera_id", "zone_id")
        .annotate(visited=Sum("visits"), newest=Max("minute"))
    )
    for camera_id, zone, visited, _newest in today:
        snapshots[camera_id]["visits_today"][zone] = visited
    fresh = ZoneMinute.objects.filter(
        camera_id__in=snapshots,
        minute__range=(clock.minute - OCCUPANCY_FRESH_MINUTES + 1, clock.minute),
    ).order_by("minute")
    for camera_id, zone, minute, occupied_s in fresh.values_list(
        "camera_id", "zone_id", "minute", "occupied_s"
    ):
        observed_s = snapshots[camera_id]["minutes"][minute - clock.chart]["observed_s"]
        mean = round(occupied_s / observed_s) if observed_s else 0
        snapshots[camera_id]["occupancy"][zone] = mean
