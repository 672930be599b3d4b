"""What any database can store of what a worker sent."""

from __future__ import annotations

import math
from datetime import UTC, datetime

YEAR_2200_S = 7_258_118_400.0
MAX_MINUTE = int(YEAR_2200_S // 60)

Run = tuple[int, str]  # camera id, run id


def is_moment(time_s: float) -> bool:
    """Whether a row can hold this time; false for NaN as well."""
    return 0.0 <= time_s < YEAR_2200_S


def moment(time_s: float) -> datetime:
    """The aware time of Unix seconds that ``is_moment`` accepts."""
    return datetime.fromtimestamp(time_s, UTC)


def minute_of(at: datetime) -> int:
    return int(at.timestamp() // 60)


def quarter_of(at: datetime) -> int:
    return int(at.timestamp() // 900)


def finite(value: float) -> float:
    # PostgreSQL stores NaN, JSON cannot say it.
    return float(value) if math.isfinite(value) else 0.0


def text(value: str, most: int) -> str:
    """Fits a column of any database: PostgreSQL takes neither NUL nor longer text."""
    return value.replace("\x00", "")[:most]
