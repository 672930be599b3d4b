"""Rows → messages in the spool: intervals that are over, and corrections of those that were sent.

An interval is over when the writer has stored something of the time after it, so that all before
is stored as well, or when ``PATIENCE_S`` passed without a word from the camera. What is stored
later still (a speed, a batch that waited for the database) changes the interval's digest, and it is
sent again with the next revision.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Max

from sensing.models import (
    Camera,
    MessagedInterval,
    MessageKind,
    MessageSettings,
    SpooledMessage,
)
from sensing.selectors.messaging import (
    IntervalContent,
    interval_contents,
    interval_targets,
    message_settings,
    newest_minutes,
)
from sensing.selectors.site import epoch_minute
from sensing.services.spool import spool

log = logging.getLogger(__name__)

LATENESS_S = 5
"""Speeds are told a little after their crossing."""
PATIENCE_S = 90
AT_ONCE = 120
"""Intervals of a camera that are closed in one go after a stop."""
SILENCE_TOLD_MINUTES = 60
"""An interval of which nothing is stored is told if it is not older than this: a gateway that was
off for a weekend says nothing about it."""
CORRECTED_FOR = timedelta(minutes=30)
CORRECTED_MINUTES = 360
KEEP_CLOSED = timedelta(hours=1)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Span = tuple[int, int]  # from this minute, up to this one


def close_intervals(now: datetime) -> int:
    """Spool every interval that is over and was not spooled yet; returns how many."""
    targets, settings = interval_targets(), message_settings()
    if not targets:
        MessagedInterval.objects.all().delete()
        return 0
    paused = dict(Camera.objects.values_list("pk", "paused"))
    minutes = settings.interval_minutes
    spans = _open_spans(list(paused), minutes, now, settings.keep_days)
    closed = 0
    for (start, end), cameras in spans.items():
        contents = interval_contents(cameras, start, end, minutes)
        closed += _close(settings, targets, contents, paused, now)
    return closed


def correct_intervals(now: datetime) -> int:
    """Spool again what changed since it was closed; returns how many intervals."""
    rows = MessagedInterval.objects.filter(
        closed_at__gte=now - CORRECTED_FOR,
        start_minute__gte=epoch_minute(now) - CORRECTED_MINUTES,
    )
    by_length: dict[int, list[MessagedInterval]] = defaultdict(list)
    for row in rows:
        by_length[row.minutes].append(row)
    changed: list[tuple[MessagedInterval, IntervalContent]] = []
    for minutes, sent in by_length.items():
        start = min(row.start_minute for row in sent)
        end = max(row.start_minute for row in sent) + minutes
        contents = interval_contents({row.camera_id for row in sent}, start, end, minutes)
        for row in sent:
            content = contents[row.camera_id, row.start_minute]
            if content.digest != row.digest:
                row.revision += 1
                row.digest = content.digest
                changed.append((row, content))
    if changed:
        settings, targets = message_settings(), interval_targets()
        with transaction.atomic():
            MessagedInterval.objects.bulk_update(
                [row for row, _ in changed], ["revision", "digest"]
            )
            spool(_messages(settings, targets, changed, now))
    return len(changed)


def forget_closed(now: datetime) -> None:
    """Let go of closed intervals that are corrected no more, but for each camera's newest."""
    newest = MessagedInterval.objects.values("camera_id").annotate(last=Max("start_minute"))
    for row in newest:
        MessagedInterval.objects.filter(
            camera_id=row["camera_id"],
            closed_at__lt=now - KEEP_CLOSED,
            start_minute__lt=row["last"],
        ).delete()


def _open_spans(
    camera_ids: list[int], minutes: int, now: datetime, keep_days: int
) -> dict[Span, list[int]]:
    """The minutes that are over and not closed, with the cameras for which they are."""
    rows = MessagedInterval.objects.filter(camera_id__in=camera_ids)
    until: dict[int, int] = dict(
        rows.values_list("camera_id").annotate(until=Max(F("start_minute") + F("minutes")))
    )
    current = epoch_minute(now) // minutes * minutes
    new = [camera for camera in camera_ids if camera not in until]
    # Where a camera's messages begin: an interval that was never sent, closed before all time.
    MessagedInterval.objects.bulk_create(
        MessagedInterval(
            camera_id=camera,
            start_minute=current - minutes,
            minutes=minutes,
            digest="",
            closed_at=LONG_AGO,
        )
        for camera in new
    )
    oldest = (epoch_minute(now) - keep_days * 1440) // minutes * minutes
    newest = newest_minutes(list(until), epoch_minute(now) - minutes)
    spans: dict[Span, list[int]] = defaultdict(list)
    for camera, stored_until in until.items():
        start = max(stored_until // minutes * minutes, oldest)
        end = start
        while end - start < AT_ONCE * minutes and _is_over(
            end + minutes, now, newest.get(camera, 0)
        ):
            end += minutes
        if end > start:
            spans[start, end].append(camera)
    return spans


def _is_over(end_minute: int, now: datetime, newest_minute: int) -> bool:
    since_s = now.timestamp() - end_minute * 60
    return since_s >= (LATENESS_S if newest_minute >= end_minute else PATIENCE_S)


def _close(
    settings: MessageSettings,
    targets: list[str],
    contents: Mapping[tuple[int, int], IntervalContent],
    paused: Mapping[int, bool],
    now: datetime,
) -> int:
    recent = epoch_minute(now) - SILENCE_TOLD_MINUTES
    sent: list[tuple[MessagedInterval, IntervalContent]] = []
    silent: dict[int, MessagedInterval] = {}
    for (camera, start), content in contents.items():
        row = MessagedInterval(
            camera_id=camera,
            start_minute=start,
            minutes=settings.interval_minutes,
            digest=content.digest,
            closed_at=now,
        )
        if content.known or (start >= recent and not paused[camera]):
            sent.append((row, content))
        elif camera not in silent or silent[camera].start_minute < start:
            row.closed_at = LONG_AGO
            silent[camera] = row
    with transaction.atomic():
        MessagedInterval.objects.bulk_create(
            [row for row, _ in sent] + list(silent.values()), ignore_conflicts=True
        )
        spool(_messages(settings, targets, sent, now))
    return len(sent)


def _messages(
    settings: MessageSettings,
    targets: Iterable[str],
    intervals: list[tuple[MessagedInterval, IntervalContent]],
    now: datetime,
) -> list[SpooledMessage]:
    names = dict(
        Camera.objects.filter(pk__in={row.camera_id for row, _ in intervals}).values_list(
            "pk", "name"
        )
    )
    found = []
    for row, content in intervals:
        document = content.document
        key = f"{settings.gateway_name}/{row.camera_id}/interval/{document['start']}/{row.minutes}"
        payload: dict[str, Any] = {
            "type": MessageKind.INTERVAL.value,
            "id": key,
            "revision": row.revision,
            "gateway": settings.gateway_name,
            "camera": {"id": row.camera_id, "name": names.get(row.camera_id, "")},
            **document,
        }
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        found += [
            SpooledMessage(
                target=target,
                kind=MessageKind.INTERVAL,
                key=key,
                revision=row.revision,
                camera_id=row.camera_id,
                payload=text,
                about=datetime.fromtimestamp(row.start_minute * 60, UTC),
                created_at=now,
            )
            for target in targets
        ]
    return found
