"""What a file is made of: named columns with rows, or a sheet laid out for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Literal

Kind = Literal["text", "int", "float", "bool", "time"]
RowKind = Literal["title", "note", "head", "data", "total"]

# A spreadsheet takes a cell that begins with one of these for a formula and runs it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Column:
    """``name`` carries the unit; times are aware, in UTC or any other zone."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of values in the order of the columns; None where there is no value. ``zone`` is the
    clock in which times are written, always with their offset."""

    name: str
    columns: tuple[Column, ...]
    rows: Iterable[Sequence[Any]]
    zone: tzinfo

    @property
    def header(self) -> list[str]:
        return [column.name for column in self.columns]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A layout for people: rows of cells, each row of a kind that decides how it looks."""

    name: str
    rows: Iterable[tuple[RowKind, Sequence[Any]]]


def safe_cell(value: Any) -> Any:
    """A value as it is safe to open in a spreadsheet: texts that would run as formulas are marked
    as texts; numbers stay as they are."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def time_text(at: datetime, zone: tzinfo) -> str:
    """ISO 8601 on the clock of a zone, with the offset from UTC."""
    return at.astimezone(zone).isoformat()


def plain(value: Any, zone: tzinfo) -> Any:
    """A value as JSON and CSV take it."""
    return time_text(value, zone) if isinstance(value, datetime) else value
