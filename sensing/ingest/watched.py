"""Seconds watched and seconds down, by minute and by quarter of an hour.

What a minute holds never passes 60 seconds, both together; a quarter is the sum of its minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sensing.ingest.sums import add_sums
from sensing.ingest.values import MAX_MINUTE, finite, is_moment
from sensing.models import CameraState, ObservedMinute, QuarterObserved
from sensing.worker.ledger import by_minute
from sensing.worker.messages import Facts, Status

DOWN = frozenset({"connecting", "stalled", "failed"})
LONGEST_SILENCE_S = 3.0
"""Workers tell their state every second; after a longer silence it is not known. Only the
supervisor's word that a process is gone holds until the next attempt that it announces."""

MinuteKey = tuple[int, int]  # camera, minute


def observed_seconds(facts: Iterable[Facts]) -> dict[MinuteKey, float]:
    seconds: defaultdict[MinuteKey, float] = defaultdict(float)
    for message in facts:
        for minute, observed_s in message.observed_s.items():
            if 0 <= minute < MAX_MINUTE and finite(observed_s) > 0:
                seconds[message.camera_id, minute] += observed_s
    return dict(seconds)


def down_seconds(
    statuses: Iterable[Status], before: Mapping[int, CameraState]
) -> dict[MinuteKey, float]:
    """The time since each camera's last status, if it said that the camera was down. The same
    status sent twice adds nothing the second time."""
    seconds: defaultdict[MinuteKey, float] = defaultdict(float)
    for status in statuses:
        last = before.get(status.camera_id)
        if last is None or last.state not in DOWN or last.updated_at is None:
            continue
        if not is_moment(status.at_s):
            continue
        longest_s = LONGEST_SILENCE_S
        if last.cause in ("crashed", "hung"):
            longest_s += last.retry_in_s or 0.0
        since_s = max(last.updated_at.timestamp(), status.at_s - longest_s)
        for minute, down_s in by_minute(since_s, status.at_s):
            seconds[status.camera_id, minute] += down_s
    return dict(seconds)


def add_watched(
    observed: Mapping[MinuteKey, float], down: Mapping[MinuteKey, float]
) -> frozenset[int]:
    """Add both. Returns the cameras for which a new observed minute began."""
    keys = observed.keys() | down.keys()
    if not keys:
        return frozenset()
    rows = {
        (row.camera_id, row.minute): row
        for row in ObservedMinute.objects.filter(
            camera_id__in={camera for camera, _minute in keys},
            minute__in={minute for _camera, minute in keys},
        )
    }
    began = set()
    quarters: list[QuarterObserved] = []
    for key in sorted(keys):
        row = rows.setdefault(key, ObservedMinute(camera_id=key[0], minute=key[1], observed_s=0.0))
        if key in observed and not row.observed_s:
            began.add(key[0])
        before = row.observed_s, row.down_s
        # Two runs that overlap at a restart do not make a minute longer.
        row.observed_s = min(60.0, row.observed_s + observed.get(key, 0.0))
        row.down_s = min(60.0 - row.observed_s, row.down_s + down.get(key, 0.0))
        quarters.append(
            QuarterObserved(
                camera_id=key[0],
                quarter=key[1] // 15,
                observed_s=row.observed_s - before[0],
                down_s=row.down_s - before[1],
            )
        )
    stored = [row for row in rows.values() if row.pk is not None]
    ObservedMinute.objects.bulk_create([row for row in rows.values() if row.pk is None])
    ObservedMinute.objects.bulk_update(stored, ["observed_s", "down_s"], batch_size=200)
    add_sums(quarters)
    return frozenset(began)
