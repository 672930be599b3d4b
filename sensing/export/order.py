"""What can be exported and in which files, and one order for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

TABLES = ("csv", "xlsx", "parquet", "json", "jsonl")
LAYOUTS = ("xlsx", "csv")
BINS = (1, 5, 15, 60, 1440)
LONG_BINS = (15, 60, 1440)

CONTENT_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "csv": "text/csv; charset=utf-8",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "parquet": "application/vnd.apache.parquet",
        "json": "application/json",
        "jsonl": "application/jsonl",
        "xml": "application/xml",
        "zip": "application/zip",
    }
)


@dataclass(frozen=True, slots=True)
class What:
    """A kind of export: its files, its bins (none: it has no bins to choose), and the most days
    that one file may hold (None: any)."""

    formats: tuple[str, ...] = TABLES
    bins: tuple[int, ...] = ()
    most_days: int | None = None


WHATS: Mapping[str, What] = MappingProxyType(
    {
        "counts": What(bins=BINS),
        "speeds": What(bins=LONG_BINS),
        "movements": What(bins=LONG_BINS),
        "footfall": What(bins=LONG_BINS),
        "zones": What(bins=BINS),
        "crossings": What(),
        "visits": What(),
        "classified": What(LAYOUTS, most_days=93),
        "turning": What(LAYOUTS, most_days=93),
        "tmg": What(("zip",), most_days=366),
        "datex": What(("xml",), bins=(1, 5, 15, 60), most_days=31),
        "datex_sites": What(("xml",), bins=(1, 5, 15, 60)),
    }
)
MOST_BINS = 530_000
"""A year of minutes."""


@dataclass(frozen=True, slots=True)
class Details:
    """What some formats need besides, and only people know. ``heading`` is the FHWA code (1 north,
    then clockwise to 8 north-west) of the lines' forward direction; ``functional_class`` is one
    such as 3U."""

    country: str = ""
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    state_code: int | None = None
    county_code: int | None = None
    functional_class: str = ""
    heading: int | None = None
    lanes: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One file: ``camera_ids`` of none means all; ``end`` is exclusive; ``bin_minutes`` is None
    for what has no bins to choose."""

    what: str
    file_format: str
    start: datetime
    end: datetime
    bin_minutes: int | None = None
    camera_ids: tuple[int, ...] = ()
    details: Details = field(default_factory=Details)
