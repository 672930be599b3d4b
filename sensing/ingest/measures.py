"""Seconds observed and occupancy, added once per batch."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from sensing.ingest.values import MAX_MINUTE, Run, finite, minute_of, text
from sensing.models import ObservedMinute, RunProgress, Visit, ZoneMinute
from sensing.worker.messages import Facts

ZoneKey = tuple[int, int, str]  # camera, minute, zone


def not_yet_applied(facts: list[Facts]) -> list[Facts]:
    """The batches newer than the last one of their run, which is noted as applied."""
    runs: dict[Run, list[Facts]] = defaultdict(list)
    for message in facts:
        runs[message.camera_id, text(message.run_id, 64)].append(message)
    if not runs:
        return []
    last: dict[Run, int] = {
        (camera_id, run_id): sequence
        for camera_id, run_id, sequence in RunProgress.objects.filter(
            camera_id__in={camera for camera, _run in runs}, run_id__in={run for _c, run in runs}
        ).values_list("camera_id", "run_id", "sequence")
    }
    fresh: list[Facts] = []
    progressed: list[Run] = []
    for run, batches in runs.items():
        for message in sorted(batches, key=lambda batch: batch.sequence):
            if run not in last or message.sequence > last[run]:
                last[run] = message.sequence
                fresh.append(message)
                progressed.append(run)
    now = datetime.now(UTC)
    RunProgress.objects.bulk_create(
        [
            RunProgress(camera_id=run[0], run_id=run[1], sequence=last[run], updated_at=now)
            for run in dict.fromkeys(progressed)
        ],
        update_conflicts=True,
        unique_fields=["camera", "run_id"],
        update_fields=["sequence", "updated_at"],
    )
    return fresh


def add_measures(facts: list[Facts], visits: list[Visit]) -> frozenset[int]:
    """Add seconds observed and occupancy. Returns the cameras for which a new minute began."""
    observed: defaultdict[tuple[int, int], float] = defaultdict(float)
    occupied: dict[ZoneKey, ZoneMinute] = {}

    def zone_minute(camera_id: int, minute: int, zone_id: str) -> ZoneMinute:
        new = ZoneMinute(camera_id=camera_id, minute=minute, zone_id=zone_id)
        return occupied.setdefault((camera_id, minute, zone_id), new)

    for message in facts:
        for minute, seconds in message.observed_s.items():
            if 0 <= minute < MAX_MINUTE and finite(seconds) > 0:
                observed[message.camera_id, minute] += seconds
        for part in message.zone_minutes:
            if 0 <= part.minute < MAX_MINUTE:
                row = zone_minute(message.camera_id, part.minute, part.zone_id)
                row.occupied_s += finite(part.occupied_s)
                row.occupancy_max = max(row.occupancy_max, part.occupancy_max)
    for visit in visits:
        zone_minute(visit.camera_id, minute_of(visit.entered_at), visit.zone_id).visits += 1
    _add_zone_minutes(occupied)
    return _add_observed(observed)


def _add_observed(observed: dict[tuple[int, int], float]) -> frozenset[int]:
    if not observed:
        return frozenset()
    rows = {
        (row.camera_id, row.minute): row
        for row in ObservedMinute.objects.filter(
            camera_id__in={camera for camera, _minute in observed},
            minute__in={minute for _camera, minute in observed},
        )
    }
    began = frozenset(camera for camera, minute in observed if (camera, minute) not in rows)
    for key, seconds in observed.items():
        row = rows.setdefault(key, ObservedMinute(camera_id=key[0], minute=key[1], observed_s=0.0))
        # Two runs that overlap at a restart do not make a minute longer.
        row.observed_s = min(60.0, row.observed_s + seconds)
    stored = [row for row in rows.values() if row.pk is not None]
    ObservedMinute.objects.bulk_create([row for row in rows.values() if row.pk is None])
    ObservedMinute.objects.bulk_update(stored, ["observed_s"], batch_size=200)
    return began


def _add_zone_minutes(occupied: dict[ZoneKey, ZoneMinute]) -> None:
    if not occupied:
        return
    raised = []
    for row in ZoneMinute.objects.filter(
        camera_id__in={key[0] for key in occupied}, minute__in={key[1] for key in occupied}
    ):
        more = occupied.pop((row.camera_id, row.minute, row.zone_id), None)
        if more is not None:
            row.occupied_s += more.occupied_s
            row.occupancy_max = max(row.occupancy_max, more.occupancy_max)
            row.visits += more.visits
            raised.append(row)
    ZoneMinute.objects.bulk_update(
        raised, ["occupied_s", "occupancy_max", "visits"], batch_size=200
    )
    ZoneMinute.objects.bulk_create(occupied.values())
