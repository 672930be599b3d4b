"""Adding quarters of an hour up to local days, once each day is over.

A day is summed in one transaction that locks the cameras' rows, as storing their facts does: what
comes for that day is either in its sums or, later, undoes them (``sums.add_sums``).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import BinaryField, Count, Max, Min, Sum

from sensing.ingest.sums import JOINED, LARGEST, key_names, sum_names
from sensing.models import DAYS_OF, Camera, Quarter, QuarterObserved, SummedDay
from sensing.selectors.quarters import at_minute
from sensing.selectors.site import local_midnight, site_time_zone

logger = logging.getLogger(__name__)

SETTLED = timedelta(hours=1)
"""After so long hardly anything comes for a day that is over."""
Span = tuple[int, int]


def sum_days(now: datetime, most: int) -> int:
    """Sum up to ``most`` local days that are over and not summed, the newest first; returns how
    many there were."""
    summed = set(SummedDay.objects.values_list("first", "after"))
    count = 0
    for span in _days_until(now - SETTLED):
        if count == most:
            break
        if span not in summed:
            _sum_day(*span)
            count += 1
    return count


def _days_until(last: datetime) -> Iterator[Span]:
    """(first quarter, the one after the last) of each local day that is over, down to the first of
    which anything is stored."""
    oldest = QuarterObserved.objects.aggregate(oldest=Min("quarter"))["oldest"]
    if oldest is None:
        return
    zone = site_time_zone()
    day = last.astimezone(zone).date()
    begin = at_minute(15 * oldest)
    while (end := local_midnight(day, zone)) > begin:
        day -= timedelta(days=1)
        first, after = _quarter(local_midnight(day, zone)), _quarter(end)
        if first < after:  # a place that crosses the date line skips a day
            yield first, after


def _quarter(midnight: datetime) -> int:
    return int(midnight.timestamp()) // 900


def _sum_day(first: int, after: int) -> None:
    with transaction.atomic():
        cameras = list(
            Camera.objects.select_for_update(no_key=True)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        # Days of another time zone may reach into this one, and go.
        SummedDay.objects.filter(first__lt=after, after__gt=first).delete()
        for of_quarters, of_days in DAYS_OF.items():
            of_days._default_manager.filter(quarter__gte=first, quarter__lt=after).delete()
            rows = _rows(of_quarters, of_days, cameras, first, after)
            of_days._default_manager.bulk_create(rows)
        SummedDay.objects.create(first=first, after=after)


def _rows(
    of_quarters: type[Quarter], of_days: type[Quarter], cameras: list[int], first: int, after: int
) -> Iterator[Quarter]:
    quarters = of_quarters._default_manager.filter(quarter__gte=first, quarter__lt=after).order_by()
    key = [name for name in key_names(of_quarters) if name != "quarter"]
    packed = [f.name for f in of_quarters._meta.concrete_fields if isinstance(f, BinaryField)]
    plain = [name for name in sum_names(of_quarters) if name not in packed]
    sums = {f"all_{name}": (Max if name in LARGEST else Sum)(name) for name in plain}
    joined = {name: _joined(quarters, cameras, key, name) for name in packed}
    for row in quarters.values(*key).annotate(quarters=Count("pk"), **sums):
        of_key = tuple(row[name] for name in key)
        yield of_days(
            quarter=first,
            **{name: row[name] for name in key},
            **{name: row[f"all_{name}"] for name in plain},
            **{name: values[of_key] for name, values in joined.items()},
        )


def _joined(
    quarters: Any, cameras: list[int], key: list[str], name: str
) -> dict[tuple[Any, ...], bytes]:
    """The packed column of each key; camera by camera, for a day of heat maps is large."""
    found: dict[tuple[Any, ...], bytes] = {}
    for camera in cameras:
        parts: dict[tuple[Any, ...], list[bytes]] = defaultdict(list)
        for *of_key, value in quarters.filter(camera_id=camera).values_list(*key, name):
            parts[tuple(of_key)].append(bytes(value))
        found |= {of_key: JOINED[name](values) for of_key, values in parts.items()}
    return found
