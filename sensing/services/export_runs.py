"""Writing the files that are due: one for each finished period, whole or not at all."""

from __future__ import annotations

import logging
import os
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Q

from models_registry.errors import Refused
from sensing.export.order import Order
from sensing.export.periods import begin_of, periods_due
from sensing.models import ScheduledExport
from sensing.selectors.exports import export_chunks, export_name
from sensing.selectors.site import site_time_zone
from sensing.services.exports import checked_order, schedule_order

logger = logging.getLogger(__name__)

MOST_CAUGHT_UP = 62
"""Periods of one schedule that are written after a long time off; older ones are left out."""
LEASE = timedelta(minutes=30)
TEMPORARY = ".new-"


def export_dir() -> Path:
    return Path(settings.EXPORT_DIR)


def run_due(now: datetime) -> int:
    """Write what is due of all schedules; returns how many files."""
    written = 0
    for pk in ScheduledExport.objects.order_by("pk").values_list("pk", flat=True):
        # Two looks at the table may overlap: only one of them writes.
        free = Q(claimed_until=None) | Q(claimed_until__lt=now)
        claimed = ScheduledExport.objects.filter(free, pk=pk).update(claimed_until=now + LEASE)
        if claimed:
            try:
                written += _run(ScheduledExport.objects.get(pk=pk), now)
            except Exception as error:
                logger.exception("scheduled export %s failed", pk)
                words = f"{type(error).__name__}: {error}"[:500]
                ScheduledExport.objects.filter(pk=pk).update(last_error=words, run_asked_at=None)
            finally:
                ScheduledExport.objects.filter(pk=pk).update(claimed_until=None)
    return written


def _run(schedule: ScheduledExport, now: datetime) -> int:
    written = 0
    for start, end, again in _periods(schedule, now):
        try:
            order = checked_order(schedule_order(schedule, start, end))
            path = _write(schedule, order, now)
        except Refused as refused:
            return _failed(schedule, refused.message, written)
        except OSError as error:
            return _failed(schedule, f"{error.strerror or error}", written)
        written += 1
        done = max(schedule.done_until, end)
        schedule.done_until = schedule.done_until if again else done
        schedule.last_run_at, schedule.last_file, schedule.last_error = now, path.name, ""
        # Each file counts by itself: what is written stays written when the next one fails.
        schedule.save(
            update_fields=["done_until", "last_run_at", "last_file", "last_error", "skipped"]
        )
        _forget_oldest(schedule)
    _clear_request(schedule)
    return written


def _periods(schedule: ScheduledExport, now: datetime) -> list[tuple[datetime, datetime, bool]]:
    """(begin, end, whether only because somebody asked) of what is to be written now."""
    zone = site_time_zone()
    every = schedule.every
    due: list[tuple[datetime, datetime]] = []
    if schedule.enabled:
        due = list(periods_due(schedule.done_until, now, every, schedule.at, zone))  # type: ignore[arg-type]
        if left_out := max(0, len(due) - MOST_CAUGHT_UP):
            schedule.skipped += left_out
            logger.warning("scheduled export %s: %d periods left out", schedule.pk, left_out)
            due = due[left_out:]
    found = [(start, end, False) for start, end in due]
    if schedule.run_asked_at is not None:
        end = begin_of(now, every, zone)  # type: ignore[arg-type]
        start = begin_of(end - timedelta(seconds=1), every, zone)  # type: ignore[arg-type]
        if (start, end) not in due:
            found.append((start, end, True))
    return found


def _write(schedule: ScheduledExport, order: Order, now: datetime) -> Path:
    folder = export_dir() / schedule.folder
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / export_name(order)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in export_chunks(order, now):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        # Readers of the folder may be other people's programs.
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def _failed(schedule: ScheduledExport, words: str, written: int) -> int:
    """The period stays to be done and is tried again at the next look."""
    logger.warning("scheduled export %s failed: %s", schedule.pk, words)
    schedule.last_error = words[:500]
    schedule.save(update_fields=["last_error"])
    _clear_request(schedule)
    return written


def _clear_request(schedule: ScheduledExport) -> None:
    asked = schedule.run_asked_at
    if asked is not None:
        # One that was asked for meanwhile is another request.
        ScheduledExport.objects.filter(pk=schedule.pk, run_asked_at=asked).update(run_asked_at=None)


def _forget_oldest(schedule: ScheduledExport) -> None:
    for path in written_files(schedule)[schedule.keep_files :]:
        path.unlink(missing_ok=True)


def written_files(schedule: ScheduledExport) -> list[Path]:
    """The whole files of a schedule, the last written first."""
    folder = export_dir() / schedule.folder
    if not folder.is_dir():
        return []
    found = [
        (path.stat().st_mtime_ns, path.name, path)
        for path in folder.iterdir()
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    ]
    return [path for _time, _name, path in sorted(found, reverse=True)]
