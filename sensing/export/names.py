"""Names of files: what, which cameras, which period."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

MOST_NAMED = 3
MOST_LETTERS = 40


def slug(text: str) -> str:
    """Lower-case letters and digits of any script, joined by hyphens; 'unnamed' for none."""
    letters = re.sub(r"[^\w]+", "-", unicodedata.normalize("NFKC", text).lower()).strip("-_")
    return letters[:MOST_LETTERS].strip("-_") or "unnamed"


def bin_word(bin_minutes: int | None) -> str:
    if bin_minutes is None:
        return ""
    words = {60: "1h", 1440: "1d"}
    return words.get(bin_minutes, f"{bin_minutes}min")


def period_word(start: datetime, end: datetime, zone: tzinfo) -> str:
    """Whole days as dates, the last one included; else with the time of the site's clock."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    if (first.hour, first.minute, last.hour, last.minute) == (0, 0, 0, 0):
        final = (last - timedelta(days=1)).date()
        return f"{first.date()}" if first.date() == final else f"{first.date()}_{final}"
    return f"{first:%Y-%m-%dT%H%M}_{last:%Y-%m-%dT%H%M}"


def file_name(
    *,
    what: str,
    bin_minutes: int | None,
    cameras: Sequence[str],
    total: int,
    period: tuple[datetime, datetime],
    zone: tzinfo,
    extension: str,
) -> str:
    """``cameras`` are the names of those chosen, ``total`` how many there are: all of them, or too
    many to be named, are said in a word."""
    if len(cameras) == total and total != 1:
        who = "all-cameras"
    elif len(cameras) > MOST_NAMED:
        who = f"{len(cameras)}-cameras"
    else:
        who = "+".join(slug(name) for name in cameras) or "no-camera"
    parts = [what.replace("_", "-"), bin_word(bin_minutes), who, period_word(*period, zone)]
    return "_".join(part for part in parts if part) + f".{extension}"
