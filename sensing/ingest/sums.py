"""Adding to stored sums: one way for all rows per minute and per quarter of an hour."""

from __future__ import annotations

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
from sensing.models import Quarter, SummedDay

M = TypeVar("M", bound=Model)

LARGEST = frozenset({"occupancy_max"})
JOINED: dict[str, Callable[[Iterable[bytes]], bytes]] = {
    "dwell": lambda rows: pack(add_packed(rows, DWELL_BINS)),
    "histogram": lambda rows: pack(add_packed(rows, SPEED_BINS)),
    "cells": lambda rows: pack_heat(add_heat(rows)),
}
"""Packed columns; all others are added, but for the ``LARGEST``."""


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
    bucket = "minute" if "minute" in key_names(model) else "quarter"
    raised: list[M] = []
    for row in model._default_manager.filter(
        camera_id__in={row.camera_id for row in more.values()},  # type: ignore[attr-defined]
        **{f"{bucket}__in": {getattr(row, bucket) for row in more.values()}},
    ):
        addition = more.pop(_key(row), None)
        if addition is not None:
            _add(row, addition)
            raised.append(row)
    model._default_manager.bulk_update(raised, sum_names(model), batch_size=100)
    model._default_manager.bulk_create(more.values())
    if issubclass(model, Quarter):
        _days_changed({row.quarter for row in [*raised, *more.values()]})  # type: ignore[attr-defined]


def _days_changed(quarters: set[int]) -> None:
    """Days that were summed before are to be summed again; today never was."""
    near = SummedDay.objects.filter(first__lte=max(quarters), after__gt=min(quarters))
    spans = near.values_list("first", "after")
    if changed := [a for a, b in spans if any(a <= quarter < b for quarter in quarters)]:
        SummedDay.objects.filter(first__in=changed).delete()


def key_names(model: type[Model]) -> tuple[str, ...]:
    (constraint,) = (c for c in model._meta.constraints if isinstance(c, UniqueConstraint))
    return tuple(model._meta.get_field(name).attname for name in constraint.fields)  # type: ignore[union-attr]


def sum_names(model: type[Model]) -> list[str]:
    key = key_names(model)
    fields = model._meta.concrete_fields
    return [f.attname for f in fields if not f.primary_key and f.attname not in key]


def _key(row: Model) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in key_names(type(row)))


def _add(row: Model, more: Model) -> None:
    for name in sum_names(type(row)):
        ours, others = getattr(row, name), getattr(more, name)
        if name in JOINED:
            setattr(row, name, JOINED[name]([bytes(ours), bytes(others)]))
        else:
            setattr(row, name, max(ours, others) if name in LARGEST else ours + others)
