"""Adding to stored sums: one way for all rows per minute and per quarter of an hour."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.db.models import Model, UniqueConstraint

from sensing.domain.statistics.packing import (
    DWELL_BINS,
    SPEED_BINS,
    add_heat,
    add_packed,
    pack,
    pack_heat,
)

M = TypeVar("M", bound=Model)


def add_sums(rows: Iterable[M]) -> None:
    """Add each row to the stored one with the same natural key, the model's unique constraint, or
    store it. Rows of one key may come several times; all are of one model."""
    more: dict[tuple[Any, ...], M] = {}
    for row in rows:
        known = more.setdefault(_key(row), row)
        if known is not row:
            _add(known, row)
    if not more:
        return
    model = type(next(iter(more.values())))
    bucket = "minute" if "minute" in _key_names(model) else "quarter"
    raised: list[M] = []
    for row in model._default_manager.filter(
        camera_id__in={row.camera_id for row in more.values()},  # type: ignore[attr-defined]
        **{f"{bucket}__in": {getattr(row, bucket) for row in more.values()}},
    ):
        addition = more.pop(_key(row), None)
        if addition is not None:
            _add(row, addition)
            raised.append(row)
    model._default_manager.bulk_update(raised, _sum_names(model), batch_size=100)
    model._default_manager.bulk_create(more.values())


def _key_names(model: type[Model]) -> tuple[str, ...]:
    (constraint,) = (c for c in model._meta.constraints if isinstance(c, UniqueConstraint))
    return tuple(model._meta.get_field(name).attname for name in constraint.fields)  # type: ignore[union-attr]


def _sum_names(model: type[Model]) -> list[str]:
    key = _key_names(model)
    fields = model._meta.concrete_fields
    return [f.attname for f in fields if not f.primary_key and f.attname not in key]


def _key(row: Model) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _key_names(type(row)))


def _add(row: Model, more: Model) -> None:
    for name in _sum_names(type(row)):
        join = _JOINS.get(name, operator.add)
        setattr(row, name, join(getattr(row, name), getattr(more, name)))


def _histogram(bins: int) -> Callable[[bytes, bytes], bytes]:
    def joined(a: bytes, b: bytes) -> bytes:
        return pack(add_packed([bytes(a), bytes(b)], bins))

    return joined


def _heat(a: bytes, b: bytes) -> bytes:
    return pack_heat(add_heat([bytes(a), bytes(b)]))


_JOINS: dict[str, Callable[[Any, Any], Any]] = {
    "occupancy_max": max,
    "dwell": _histogram(DWELL_BINS),
    "histogram": _histogram(SPEED_BINS),
    "cells": _heat,
}
"""All other columns are added."""
