"""Fill the quarters of an hour from the minutes, crossings and visits that are there already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Count

from sensing.domain.statistics.packing import (
    DWELL_BINS,
    SPEED_BINS,
    dwell_bin,
    pack,
    speed_bin,
)

LONGEST_TRIP = timedelta(seconds=600)
PORTION = 1000

# Whole numbers are divided without a rest on every database; minutes are never below 0.
COUNTS = """
    INSERT INTO sensing_quartercount
        (camera_id, quarter, line_id, object_class, size, direction, count, turn_backs, wrong_way)
    SELECT camera_id, minute / 15, line_id, object_class, size, direction, SUM(count), 0, 0
    FROM sensing_countinterval
    GROUP BY camera_id, minute / 15, line_id, object_class, size, direction
"""
OBSERVED = """
    INSERT INTO sensing_quarterobserved (camera_id, quarter, observed_s, down_s)
    SELECT camera_id, minute / 15, SUM(observed_s), SUM(down_s)
    FROM sensing_observedminute
    GROUP BY camera_id, minute / 15
"""
ZONES = """
    INSERT INTO sensing_quarterzone
        (camera_id, quarter, zone_id, occupied_s, occupancy_max, visits, dwell_s, dwell)
    SELECT camera_id, minute / 15, zone_id, SUM(occupied_s), MAX(occupancy_max), SUM(visits), 0, %s
    FROM sensing_zoneminute
    GROUP BY camera_id, minute / 15, zone_id
"""


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A gateway that is new has nothing to fill."""
    for name in ("Count", "Observed", "Zone", "Speed", "Movement"):
        apps.get_model("sensing", f"Quarter{name}").objects.all().delete()
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(COUNTS)
        cursor.execute(OBSERVED)
        cursor.execute(ZONES, [b""])
    _mark_counts(apps)
    _dwell(apps)
    _speeds(apps)
    _movements(apps)


def quarter_of(at: Any) -> int:
    return int(at.timestamp() // 900)


def _mark_counts(apps: Apps) -> None:
    """Turn-backs and wrong ways: rare."""
    crossing, quarter = (apps.get_model("sensing", name) for name in ("Crossing", "QuarterCount"))
    key = ("camera_id", "line_id", "object_class", "size", "direction")
    for flag, column in (("turn_back", "turn_backs"), ("wrong_way", "wrong_way")):
        marked: Counter[tuple[Any, ...]] = Counter()
        for *named, at in (
            crossing.objects.filter(**{flag: True}).values_list(*key, "at").iterator()
        ):
            marked[(*named, quarter_of(at))] += 1
        for (*named, number), count in marked.items():
            rows = quarter.objects.filter(**dict(zip(key, named, strict=True)), quarter=number)
            rows.update(**{column: count})


def _dwell(apps: Apps) -> None:
    """Visits in the order of their zones and ends, so that one quarter is in hand at a time."""
    visit, quarter = (apps.get_model("sensing", name) for name in ("Visit", "QuarterZone"))
    ordered = visit.objects.order_by("camera_id", "zone_id", "left_at")
    rows = ordered.values_list("camera_id", "zone_id", "left_at", "dwell_s").iterator(PORTION)
    for (camera, zone, number), stays in groupby(rows, lambda r: (r[0], r[1], quarter_of(r[2]))):
        counts, total_s = [0] * DWELL_BINS, 0.0
        for *_, dwell_s in stays:
            counts[dwell_bin(dwell_s)] += 1
            total_s += dwell_s
        quarter.objects.update_or_create(
            camera_id=camera,
            zone_id=zone,
            quarter=number,
            defaults={"dwell_s": total_s, "dwell": pack(counts)},
        )


def _speeds(apps: Apps) -> None:
    crossing, quarter = (apps.get_model("sensing", name) for name in ("Crossing", "QuarterSpeed"))
    key = ("camera_id", "line_id", "direction", "object_class")
    ordered = crossing.objects.filter(speed_mps__gt=0).order_by(*key, "at")
    rows = ordered.values_list(*key, "at", "speed_mps", "speed_doubtful", "on_line_s")

    def quarters() -> Iterator[Any]:
        grouped = groupby(rows.iterator(PORTION), lambda r: (*r[:4], quarter_of(r[4])))
        for (*named, number), group in grouped:
            told = list(group)
            counts = [0] * SPEED_BINS
            for _, speed_mps, *_ in (row[4:] for row in told):
                counts[speed_bin(speed_mps)] += 1
            yield quarter(
                **dict(zip(key, named, strict=True)),
                quarter=number,
                count=len(told),
                doubtful=sum(bool(row[6]) for row in told),
                sum_mps=sum(row[5] for row in told),
                sum_s_per_m=sum(1.0 / row[5] for row in told),
                on_line_s=sum(row[7] or 0.0 for row in told),
                histogram=pack(counts),
            )

    quarter.objects.bulk_create(quarters(), batch_size=PORTION)


def _movements(apps: Apps) -> None:
    """Only tracks that passed more than one line are looked at."""
    crossing, quarter = (
        apps.get_model("sensing", name) for name in ("Crossing", "QuarterMovement")
    )
    key = ("camera_id", "run_id", "track_id")
    several = crossing.objects.order_by().values(*key).annotate(n=Count("pk")).filter(n__gt=1)
    counts: Counter[tuple[Any, ...]] = Counter()
    portion: list[dict[str, Any]] = []
    for track in several.iterator(PORTION):
        portion.append(track)
        if len(portion) == PORTION:
            _count_trips(crossing, portion, counts)
            portion = []
    _count_trips(crossing, portion, counts)
    quarter.objects.bulk_create(
        (
            quarter(
                camera_id=camera,
                quarter=number,
                origin_line=origin[0],
                origin_direction=origin[1],
                destination_line=last[0],
                destination_direction=last[1],
                object_class=object_class,
                count=count,
            )
            for (camera, number, origin, last, object_class), count in counts.items()
        ),
        batch_size=PORTION,
    )


def _count_trips(
    crossing: Any, tracks: list[dict[str, Any]], counts: Counter[tuple[Any, ...]]
) -> None:
    wanted = {(t["camera_id"], t["run_id"], t["track_id"]) for t in tracks}
    rows = crossing.objects.filter(
        camera_id__in={t["camera_id"] for t in tracks},
        run_id__in={t["run_id"] for t in tracks},
        track_id__in={t["track_id"] for t in tracks},
    ).order_by("camera_id", "run_id", "track_id", "at")
    fields = ("camera_id", "run_id", "track_id", "line_id", "direction", "at", "object_class")
    for track, passed in groupby(rows.values_list(*fields), lambda r: r[:3]):
        if track in wanted:
            for trip in _trips(list(passed)):
                first, last = trip[0], trip[-1]
                end = (quarter_of(last[5]), first[3:5], last[3:5], last[6])
                counts[(track[0], *end)] += 1


def _trips(passed: list[Any]) -> Iterator[list[Any]]:
    trip: list[Any] = []
    for row in passed:
        if trip and row[5] - trip[-1][5] > LONGEST_TRIP:
            if len(trip) > 1:
                yield trip
            trip = []
        trip.append(row)
    if len(trip) > 1:
        yield trip


class Migration(migrations.Migration):
    dependencies = [("sensing", "0003_measurement")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
