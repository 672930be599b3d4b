"""Crossings, visits and the counts that they raise."""

from __future__ import annotations

from collections import Counter, defaultdict

from sensing.domain import results
from sensing.ingest.values import Run, finite, is_moment, minute_of, moment, text
from sensing.models import CountInterval, Crossing, Visit
from sensing.worker.messages import Facts

IntervalKey = tuple[int, int, str, str, str, str]  # camera, minute, line, class, size, direction


def new_crossings(facts: list[Facts]) -> tuple[list[Crossing], int]:
    """Crossings that are not stored yet, each once, and the number refused."""
    by_run: dict[Run, dict[tuple[str, int, int], results.Crossing]] = defaultdict(dict)
    refused = 0
    for message in facts:
        for fact in message.crossings:
            if not is_moment(fact.time_s):
                refused += 1
                continue
            key = (fact.line_id, fact.track_id, fact.nth)
            by_run[message.camera_id, text(message.run_id, 64)].setdefault(key, fact)
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
            _crossing_row(camera_id, run_id, fact)
            for key, fact in found.items()
            if key not in stored
        ]
    return rows, refused


def _crossing_row(camera_id: int, run_id: str, fact: results.Crossing) -> Crossing:
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
    added: Counter[IntervalKey] = Counter(
        (
            row.camera_id,
            minute_of(row.at),
            row.line_id,
            row.object_class,
            row.size,
            row.direction,
        )
        for row in crossings
    )
    if not added:
        return
    raised = []
    for row in CountInterval.objects.filter(
        camera_id__in={key[0] for key in added}, minute__in={key[1] for key in added}
    ):
        more = added.pop(
            (row.camera_id, row.minute, row.line_id, row.object_class, row.size, row.direction), 0
        )
        if more:
            row.count += more
            raised.append(row)
    CountInterval.objects.bulk_update(raised, ["count"], batch_size=200)
    CountInterval.objects.bulk_create(
        CountInterval(
            camera_id=camera,
            minute=minute,
            line_id=line,
            object_class=object_class,
            size=size,
            direction=direction,
            count=count,
        )
        for (camera, minute, line, object_class, size, direction), count in added.items()
    )
