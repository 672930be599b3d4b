"""Which batches are new, and the occupancy that they add."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from sensing.ingest.quarters import add_zones_to_quarters
from sensing.ingest.sums import add_sums
from sensing.ingest.values import MAX_MINUTE, Run, finite, minute_of, text
from sensing.models import RunProgress, Visit, ZoneMinute
from sensing.worker.messages import Facts


def not_yet_applied(facts: list[Facts]) -> list[Facts]:
    """The batches newer than the last one of their run, which is noted as applied."""
    runs: dict[Run, list[Facts]] = defaultdict(list)
    for message in facts:
        if message.sequence < 0:  # a part of one, tried again
            continue
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


def add_occupancy(facts: list[Facts], visits: list[Visit]) -> None:
    """Add occupancy, and the visits that are new."""
    minutes = [
        ZoneMinute(
            camera_id=message.camera_id,
            minute=part.minute,
            zone_id=part.zone_id,
            occupied_s=finite(part.occupied_s),
            occupancy_max=part.occupancy_max,
        )
        for message in facts
        for part in message.zone_minutes
        if 0 <= part.minute < MAX_MINUTE
    ]
    minutes += [
        ZoneMinute(
            camera_id=visit.camera_id,
            minute=minute_of(visit.entered_at),
            zone_id=visit.zone_id,
            visits=1,
        )
        for visit in visits
    ]
    add_zones_to_quarters(minutes, visits)
    add_sums(minutes)
