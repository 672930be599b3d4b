"""Letting go of what the site no longer wants to keep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Model, QuerySet

from sensing.models import (
    DAYS_OF,
    CountInterval,
    Crossing,
    ObservedMinute,
    RunProgress,
    SummedDay,
    Visit,
    ZoneMinute,
)
from sensing.selectors.site import current_site, epoch_minute

M = TypeVar("M", bound=Model)

MINUTES = (CountInterval, ObservedMinute, ZoneMinute)
QUARTERS, DAYS = tuple(DAYS_OF), tuple(DAYS_OF.values())
RESULTS: tuple[type[Model], ...] = (Crossing, Visit, *MINUTES, *QUARTERS, *DAYS)

CHUNK = 5000
# A worker sends a batch again within minutes; a run that is over for a month never does.
KEEP_PROGRESS = timedelta(days=30)


@dataclass(frozen=True)
class Pruned:
    """Rows deleted."""

    crossings: int
    visits: int
    minutes: int
    quarters: int = 0
    days: int = 0


def prune(*, now: datetime) -> Pruned:
    """Delete results older than the site's limits, in portions: the writer never waits long."""
    site = current_site()
    oldest_fact = now - timedelta(days=site.keep_crossings_days)
    oldest_minute = epoch_minute(now - timedelta(days=site.keep_intervals_days))
    delete_in_chunks(RunProgress.objects.filter(updated_at__lt=now - KEEP_PROGRESS))
    pruned = Pruned(
        crossings=delete_in_chunks(Crossing.objects.filter(at__lt=oldest_fact)),
        visits=delete_in_chunks(Visit.objects.filter(entered_at__lt=oldest_fact)),
        minutes=sum(
            delete_in_chunks(model._default_manager.filter(minute__lt=oldest_minute))
            for model in MINUTES
        ),
        quarters=sum(
            delete_in_chunks(model._default_manager.filter(quarter__lt=oldest_minute // 15))
            for model in QUARTERS
        ),
    )
    # Last, for the day in which the limit lies may have been summed while its quarters went.
    SummedDay.objects.filter(first__lt=oldest_minute // 15).delete()
    days = sum(
        delete_in_chunks(model._default_manager.filter(quarter__lt=oldest_minute // 15))
        for model in DAYS
    )
    return replace(pruned, days=days)


def delete_in_chunks(rows: QuerySet[M]) -> int:
    """Delete rows in transactions of at most ``CHUNK``; returns how many."""
    total = 0
    while True:
        portion = rows.order_by("pk").values("pk")[:CHUNK]
        deleted, _by_model = rows.model._default_manager.filter(pk__in=portion).delete()
        total += deleted
        if deleted < CHUNK:
            return total
