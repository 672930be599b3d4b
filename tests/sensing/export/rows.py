"""A day on a road, as minutes, quarters and single crossings that say the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from sensing.domain.statistics.packing import DWELL_BINS, SPEED_BINS, pack, speed_bin
from sensing.models import (
    Camera,
    CountInterval,
    Crossing,
    ObservedMinute,
    QuarterCount,
    QuarterMovement,
    QuarterObserved,
    QuarterSpeed,
    QuarterZone,
    Visit,
    ZoneMinute,
)
from tests.sensing.rows import make_camera

DAY = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
NOW = DAY + timedelta(days=3)
QUARTERS_A_DAY = 96

SCENE = {
    "lines": [
        {"id": "gate", "name": "=Gate", "points": [[0.1, 0.5], [0.9, 0.5]]},
        {"id": "exit", "name": "Exit", "points": [[0.1, 0.8], [0.9, 0.8]]},
    ],
    "zones": [{"id": "yard", "name": "Yard", "points": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}],
}


def road(name: str = "North") -> Camera:
    return make_camera(name, scene=SCENE)


def quarter_of(at: datetime) -> int:
    return int(at.timestamp()) // 900


def observe(
    camera: Camera, start: datetime, quarters: int, seconds: float = 900.0, down_s: float = 0.0
) -> None:
    """Quarters and their minutes, watched (or down) evenly."""
    first = quarter_of(start)
    QuarterObserved.objects.bulk_create(
        QuarterObserved(camera=camera, quarter=first + k, observed_s=seconds, down_s=down_s)
        for k in range(quarters)
    )
    ObservedMinute.objects.bulk_create(
        ObservedMinute(
            camera=camera, minute=first * 15 + k, observed_s=seconds / 15, down_s=down_s / 15
        )
        for k in range(quarters * 15)
    )


def count(
    camera: Camera,
    at: datetime,
    n: int,
    object_class: str = "car",
    *,
    line: str = "gate",
    direction: str = "forward",
) -> None:
    """So many crossings in the minute of ``at`` and in its quarter."""
    size = {"truck": "large", "bus": "large", "person": ""}.get(object_class, "small")
    same = {
        "camera": camera,
        "line_id": line,
        "object_class": object_class,
        "size": size,
        "direction": direction,
    }
    CountInterval.objects.create(**same, minute=int(at.timestamp()) // 60, count=n)
    QuarterCount.objects.create(**same, quarter=quarter_of(at), count=n)


def speeds(camera: Camera, at: datetime, values_mps: list[float], doubtful: int = 0) -> None:
    histogram = np.zeros(SPEED_BINS, np.int64)
    for value in values_mps:
        histogram[speed_bin(value)] += 1
    QuarterSpeed.objects.create(
        camera=camera,
        quarter=quarter_of(at),
        line_id="gate",
        direction="forward",
        object_class="car",
        count=len(values_mps),
        doubtful=doubtful,
        sum_mps=sum(values_mps),
        sum_s_per_m=sum(1 / value for value in values_mps),
        histogram=pack(histogram),
    )


def move(camera: Camera, at: datetime, n: int, object_class: str = "car") -> None:
    QuarterMovement.objects.create(
        camera=camera,
        quarter=quarter_of(at),
        origin_line="gate",
        origin_direction="forward",
        destination_line="exit",
        destination_direction="forward",
        object_class=object_class,
        count=n,
    )


def stay(camera: Camera, at: datetime, visits: int) -> None:
    dwell = np.zeros(DWELL_BINS, np.int64)
    dwell[10] = visits
    same = {"camera": camera, "zone_id": "yard", "visits": visits, "occupancy_max": 2}
    QuarterZone.objects.create(
        **same, quarter=quarter_of(at), occupied_s=450.0, dwell_s=40.0, dwell=pack(dwell)
    )
    ZoneMinute.objects.create(**same, minute=int(at.timestamp()) // 60, occupied_s=450.0)


def crossings(camera: Camera, n: int, start: datetime = DAY) -> None:
    Crossing.objects.bulk_create(
        (
            Crossing(
                camera=camera,
                run_id="run",
                line_id="gate",
                track_id=k,
                nth=0,
                direction="forward",
                object_class="car",
                size="small",
                confidence=0.9,
                at=start + timedelta(seconds=k),
                frame_index=k,
                speed_mps=10.0 if k % 2 else None,
                length_m=(4.5, 8.0)[k % 2] if k % 4 else None,
                wrong_way=k == 0,
            )
            for k in range(n)
        ),
        batch_size=1000,
    )


def visits(camera: Camera, n: int) -> None:
    Visit.objects.bulk_create(
        Visit(
            camera=camera,
            run_id="run",
            zone_id="yard",
            track_id=k,
            nth=0,
            object_class="person",
            entered_at=DAY + timedelta(minutes=k),
            left_at=DAY + timedelta(minutes=k, seconds=30),
            dwell_s=30.0,
        )
        for k in range(n)
    )
