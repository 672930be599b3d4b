"""Periods of a schedule on a site's clock: hours, days, weeks from Monday, months."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Every = Literal["hour", "day", "week", "month"]
HOUR = timedelta(hours=1)


def begin_of(at: datetime, every: Every, zone: ZoneInfo) -> datetime:
    """When the period that ``at`` lies in began."""
    local = at.astimezone(zone)
    if every == "hour":
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return at.astimezone(UTC) - into
    day = local.date()
    if every == "week":
        day -= timedelta(days=day.weekday())
    elif every == "month":
        day = day.replace(day=1)
    return _midnight(day, zone)


def next_begin(begin: datetime, every: Every, zone: ZoneInfo) -> datetime:
    """When the period after the one that began then begins."""
    if every == "hour":
        # Where clocks are set by half an hour, an hour of the clock may be shorter or longer.
        return max(begin_of(begin + HOUR, every, zone), begin + HOUR / 2)
    day = begin.astimezone(zone).date()
    if every == "day":
        return _midnight(day + timedelta(days=1), zone)
    if every == "week":
        return _midnight(day + timedelta(days=7), zone)
    return _midnight((day.replace(day=28) + timedelta(days=4)).replace(day=1), zone)


def due_at(end: datetime, every: Every, at: time, zone: ZoneInfo) -> datetime:
    """When the file of a period that ended then is due: at that time of the site's clock on the day
    on which it ended; of an hour, so many minutes later."""
    if every == "hour":
        return end + timedelta(minutes=at.minute)
    day = end.astimezone(zone).date()
    return datetime.combine(day, at.replace(tzinfo=None), zone).astimezone(UTC)


def periods_due(
    done_until: datetime, now: datetime, every: Every, at: time, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """(begin, end) of the periods that began at ``done_until`` or later and are due, in order."""
    begin = begin_of(done_until, every, zone)
    if begin < done_until:
        begin = next_begin(begin, every, zone)
    while True:
        end = next_begin(begin, every, zone)
        if end > now or due_at(end, every, at, zone) > now:
            return
        yield begin, end
        begin = end


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)
