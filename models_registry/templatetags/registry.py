"""Sizes and counts as people read them."""

from __future__ import annotations

from django import template
from django.utils.formats import number_format

register = template.Library()

BYTE_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))
COUNT_UNITS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


@register.filter
def bytes_words(value: object) -> str:
    """3660092 → “3.66 MB”; “–” for nothing."""
    return _scaled(value, BYTE_UNITS, "B")


@register.filter
def count_words(value: object) -> str:
    """912345 → “912 k”, as model sizes are stated; “–” for nothing."""
    return _scaled(value, COUNT_UNITS, "")


def _scaled(value: object, units: tuple[tuple[int, str], ...], plain: str) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "–"
    for size, unit in units:
        if value >= size:
            scaled = value / size
            digits = 0 if scaled >= 100 else 1 if scaled >= 10 else 2
            return f"{number_format(round(scaled, digits), digits)}\u00a0{unit}"
    return f"{number_format(value, 0)}\u00a0{plain}".rstrip("\u00a0")
