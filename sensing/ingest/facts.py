"""Crossings, visits and the counts that they raise."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection

from sensing.domain import results
from sensing.ingest.sums import add_sums
from sensing.ingest.values import Run, finite, is_moment, minute_of, moment, text
from sensing.models import CountInterval, Crossing, Visit
from sensing.worker.messages import Facts

Key = tuple[str, int, int]  # line or zone, track, nth


def new_crossings(
    facts: list[Facts], calibrations: Collection[tuple[int, int]] = ()
) -> tuple[list[Crossing], int]:
    """Crossings that are not stored yet, each once, and the number refused. ``calibrations``:
    (camera, calibration) that rows may name."""
    by_run: dict[Run, dict[Key, tuple[results.Crossing, int]]] = defaultdict(dict)
    refused = 0
    for message in facts:
        used = (message.camera_id, message.calibration_id) in calibrations
        calibration_id = message.calibration_id if used else 0
        for fact in message.crossings:
            if not is_moment(fact.time_s):
                refused += 1
                continue
            key = (fact.line_id, fact.track_id, fact.nth)
            run = message.camera_id, text(message.run_id, 64)
            by_run[run].setdefault(key, (fact, calibration_id))
    rows: list[Crossing] = []
    for (camera_id, run_id), found in by_run.items():
        # Names the leading columns of the unique index, and tracks of one batch lie close together.
        tracks = [track for _line, track, _nth in found]
        stored = set(
            Crossing.objects.filter(
                camera_id=camera_id,
                run_id=run_id,
                line_id__in={line for line, _track, _nth in found},
                track_id__range=(min(tracks), max(tracks)),
            ).values_list("line_id", "track_id", "nth")
        )
        rows += [
            _crossing_row(camera_id, run_id, *fact)
            for key, fact in found.items()
            if key not in stored
        ]
    return rows, refused


def _crossing_row(
    camera_id: int, run_id: str, fact: results.Crossing, calibration_id: int
) -> Crossing:
    headway_s = fact.headway_s
    return Crossing(
        camera_id=camera_id,
        run_id=run_id,
        line_id=fact.line_id,
        track_id=fact.track_id,
        nth=fact.nth,
        direction=fact.direction,
        object_class=text(fact.object_class, 40),
        size=fact.size,
        confidence=finite(fact.confidence),
        at=moment(fact.time_s),
        frame_index=fact.frame_index,
        calibration_id=calibration_id or None,
        headway_s=headway_s if headway_s is not None and math.isfinite(headway_s) else None,
        wrong_way=fact.wrong_way,
        turn_back=fact.turn_back,
    )


def new_visits(facts: list[Facts]) -> tuple[list[Visit], int]:
    """Visits that are not stored yet, each once, and the number refused."""
    by_run: dict[Run, dict[tuple[str, int, int], results.Visit]] = defaultdict(dict)
    refused = 0
    for message in facts:
        for fact in message.visits:
            if not (is_moment(fact.enter_s) and is_moment(fact.leave_s)):
                refused += 1
                continue
            key = (fact.zone_id, fact.track_id, fact.nth)
            by_run[message.camera_id, text(message.run_id, 64)].setdefault(key, fact)
    rows: list[Visit] = []
    for (camera_id, run_id), found in by_run.items():
        tracks = [track for _zone, track, _nth in found]
        stored = set(
            Visit.objects.filter(
                camera_id=camera_id,
                run_id=run_id,
                zone_id__in={zone for zone, _track, _nth in found},
                track_id__range=(min(tracks), max(tracks)),
            ).values_list("zone_id", "track_id", "nth")
        )
        rows += [
            _visit_row(camera_id, run_id, fact) for key, fact in found.items() if key not in stored
        ]
    return rows, refused


def _visit_row(camera_id: int, run_id: str, fact: results.Visit) -> Visit:
    return Visit(
        camera_id=camera_id,
        run_id=run_id,
        zone_id=fact.zone_id,
        track_id=fact.track_id,
        nth=fact.nth,
        object_class=text(fact.object_class, 40),
        entered_at=moment(fact.enter_s),
        left_at=moment(fact.leave_s),
        dwell_s=fact.dwell_s,
    )


def add_counts(crossings: list[Crossing]) -> None:
    """Raise the minute counts by the crossings that were stored just now."""
    add_sums(
        CountInterval(
            camera_id=row.camera_id,
            minute=minute_of(row.at),
            line_id=row.line_id,
            object_class=row.object_class,
            size=row.size,
            direction=row.direction,
            count=1,
        )
        for row in crossings
    )
