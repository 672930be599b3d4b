"""Rows per quarter of an hour, as ingest would write them, for tests of statistics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sensing.domain.statistics.packing import SPEED_BINS, pack, speed_bin
from sensing.models import Camera, Crossing, QuarterCount, QuarterObserved, QuarterSpeed
from tests.sensing.rows import NOON_S

QUARTER = int(NOON_S // 900)


def at_quarter(quarter: int) -> datetime:
    return datetime.fromtimestamp(quarter * 900, UTC)


def observed(camera: Camera, quarter: int, seconds: float = 900.0, down_s: float = 0.0) -> None:
    QuarterObserved.objects.create(
        camera=camera, quarter=quarter, observed_s=seconds, down_s=down_s
    )


def counted(camera: Camera, quarter: int, count: int, **more: Any) -> None:
    given = {"line_id": "gate", "object_class": "car", "size": "small", "direction": "forward"}
    QuarterCount.objects.create(camera=camera, quarter=quarter, count=count, **(given | more))


def measured(
    camera: Camera, quarter: int, speeds_mps: Sequence[float], doubtful: int = 0, **more: Any
) -> None:
    histogram = np.bincount([speed_bin(speed) for speed in speeds_mps], minlength=SPEED_BINS)
    given = {"line_id": "gate", "object_class": "car", "direction": "forward"} | more
    QuarterSpeed.objects.create(
        camera=camera,
        quarter=quarter,
        count=len(speeds_mps),
        doubtful=doubtful,
        sum_mps=sum(speeds_mps),
        sum_s_per_m=sum(1.0 / speed for speed in speeds_mps),
        on_line_s=sum(5.0 / speed for speed in speeds_mps),
        histogram=pack(histogram),
        **given,
    )


def passed(camera: Camera, number: int, at_s: float, **more: Any) -> None:
    given = {"line_id": "gate", "direction": "forward", "object_class": "car", "size": "small"}
    Crossing.objects.create(
        camera=camera,
        run_id="r",
        track_id=number,
        nth=0,
        confidence=0.9,
        at=datetime.fromtimestamp(at_s, UTC),
        frame_index=0,
        **(given | more),
    )
