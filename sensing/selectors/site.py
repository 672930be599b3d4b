"""The site and its clock."""

from __future__ import annotations

from datetime import UTC, date, datetime
from datetime import time as clock_time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings

from sensing.models import Site


def current_site() -> Site:
    """The one site; made with the server's time zone when there is none yet."""
    site = Site.objects.filter(pk=1).first()
    if site is None:
        site, _created = Site.objects.get_or_create(
            pk=1, defaults={"time_zone": settings.TIME_ZONE}
        )
    return site


def site_time_zone(site: Site | None = None) -> ZoneInfo:
    """The time zone in which days and hours are counted and times are shown."""
    name = (site or current_site()).time_zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # The machine's zone table may shrink in an update; a wrong offset beats no page at all.
        return ZoneInfo("UTC")


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day begins, also where clocks change at midnight."""
    return datetime.combine(day, clock_time.min, zone).astimezone(UTC)


def epoch_minute(at: datetime) -> int:
    """Whole Unix minutes of an aware time."""
    return int(at.timestamp() // 60)
