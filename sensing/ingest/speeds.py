"""Speeds of crossings: told after them, and each added to the sums once."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from sensing.domain.results import SpeedReading
from sensing.domain.statistics.packing import SPEED_BINS, pack, speed_bin
from sensing.ingest.sums import add_sums
from sensing.ingest.values import Run, quarter_of, text
from sensing.models import Calibration, Crossing, DriftChoice, QuarterSpeed
from sensing.worker.messages import Facts

Key = tuple[str, int, int]  # line, track, nth
FIELDS = [
    "speed_mps",
    "speed_error_mps",
    "speed_doubtful",
    "length_m",
    "gap_s",
    "on_line_s",
]


def drift_of(facts: Iterable[Facts]) -> dict[tuple[int, int], bool]:
    """(camera, calibration) → whether the camera seems moved, for those in use that exist."""
    used = {message.calibration_id for message in facts if message.calibration_id}
    if not used:
        return {}
    rows = Calibration.objects.filter(pk__in=used).values_list("camera_id", "pk", "drift")
    return {(camera, pk): drift == DriftChoice.MOVED for camera, pk, drift in rows}


def add_speeds(
    facts: list[Facts], moved: dict[tuple[int, int], bool]
) -> tuple[list[Crossing], list[Facts]]:
    """Write readings to the crossings that have no speed yet: (those that got one, readings whose
    crossing is not stored)."""
    by_run: dict[Run, dict[Key, tuple[SpeedReading, Facts]]] = defaultdict(dict)
    for message in facts:
        for reading in message.speeds:
            if _is_speed(reading):
                key = (reading.line_id, reading.track_id, reading.nth)
                run = message.camera_id, text(message.run_id, 64)
                by_run[run].setdefault(key, (reading, message))
    measured: list[Crossing] = []
    homeless: list[Facts] = []
    for (camera_id, run_id), told in by_run.items():
        tracks = [track for _line, track, _nth in told]
        for row in Crossing.objects.filter(
            camera_id=camera_id,
            run_id=run_id,
            line_id__in={line for line, _track, _nth in told},
            track_id__range=(min(tracks), max(tracks)),
        ):
            found = told.pop((row.line_id, row.track_id, row.nth), None)
            if found is not None and row.speed_mps is None:
                reading, message = found
                _write(row, reading, moved.get((camera_id, message.calibration_id), False))
                measured.append(row)
        homeless += [_alone(message, reading) for reading, message in told.values()]
    Crossing.objects.bulk_update(measured, FIELDS, batch_size=100)
    add_sums(_quarter(row) for row in measured)
    return measured, homeless


def _is_speed(reading: SpeedReading) -> bool:
    return 0.0 < reading.speed_mps < 1000.0 and math.isfinite(reading.standard_error_mps)


def _write(row: Crossing, reading: SpeedReading, moved: bool) -> None:
    row.speed_mps, row.speed_error_mps = reading.speed_mps, reading.standard_error_mps
    row.speed_doubtful = moved
    row.length_m = _finite(reading.length_m)
    row.gap_s = _finite(reading.gap_s)
    row.on_line_s = _finite(reading.on_line_s)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _alone(message: Facts, reading: SpeedReading) -> Facts:
    """A reading as a message of its own, to be tried again. It is outside the run's numbering:
    below 0, where the number counts how often it was tried."""
    return replace(
        message,
        sequence=min(message.sequence, 0) - 1,
        crossings=(),
        visits=(),
        observed_s={},
        zone_minutes=(),
        speeds=(reading,),
        movements=(),
        heat=(),
    )


def _quarter(row: Crossing) -> QuarterSpeed:
    speed_mps = row.speed_mps or 0.0
    counts = [0] * SPEED_BINS
    counts[speed_bin(speed_mps)] = 1
    return QuarterSpeed(
        camera_id=row.camera_id,
        quarter=quarter_of(row.at),
        line_id=row.line_id,
        direction=row.direction,
        object_class=row.object_class,
        count=1,
        doubtful=int(row.speed_doubtful),
        sum_mps=speed_mps,
        sum_s_per_m=1.0 / speed_mps,
        on_line_s=row.on_line_s or 0.0,
        histogram=pack(counts),
    )
