"""What the traffic is made of: passenger-car units and shares of classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

DEFAULT_PCU: Mapping[str, float] = MappingProxyType(
    {"car": 1.0, "truck": 2.0, "bus": 2.0, "motorcycle": 0.4, "bicycle": 0.2}
)
"""Where a site has no table of its own."""


@dataclass(frozen=True, slots=True)
class CarUnits:
    """``value`` = Σ nc·fc over the classes of the table; ``left_out``: counts of classes that the
    table does not name, which are in no sum."""

    value: float
    left_out: Mapping[str, float]


def car_units(counts: Mapping[str, float], table: Mapping[str, float] = DEFAULT_PCU) -> CarUnits:
    """Passenger-car units of counts by class, with a site's table. Raises ``ValueError`` for a
    negative factor."""
    for name, factor in table.items():
        if not 0.0 <= factor < float("inf"):
            raise ValueError(f"expected a factor of at least 0 for {name}, got {factor}")
    value = sum(count * table[name] for name, count in counts.items() if name in table)
    return CarUnits(value, {name: n for name, n in counts.items() if name not in table and n})


def class_shares_percent(counts: Mapping[str, float]) -> dict[str, float]:
    """Share of each class in %; empty where nobody came."""
    total = sum(counts.values())
    return {name: 100.0 * count / total for name, count in counts.items()} if total else {}
