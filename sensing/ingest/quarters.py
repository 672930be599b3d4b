"""What crossings, visits, movements and heat add to the quarters of an hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sensing.domain.statistics.packing import (
    DWELL_BINS,
    add_heat,
    dwell_bin,
    pack,
)
from sensing.ingest.sums import add_sums
from sensing.ingest.values import MAX_MINUTE, is_moment, moment, quarter_of, text
from sensing.models import (
    Crossing,
    QuarterCount,
    QuarterHeat,
    QuarterMovement,
    QuarterZone,
    Visit,
    ZoneMinute,
)
from sensing.worker.messages import Facts


def add_counts_to_quarters(crossings: Iterable[Crossing]) -> None:
    add_sums(
        QuarterCount(
            camera_id=row.camera_id,
            quarter=quarter_of(row.at),
            line_id=row.line_id,
            object_class=row.object_class,
            size=row.size,
            direction=row.direction,
            count=1,
            turn_backs=int(row.turn_back),
            wrong_way=int(row.wrong_way),
        )
        for row in crossings
    )


def add_zones_to_quarters(minutes: Iterable[ZoneMinute], visits: Iterable[Visit]) -> None:
    """``minutes``: what is added to the minutes. A visit counts where it began, and its dwell where
    it ended."""
    occupied = [
        QuarterZone(
            camera_id=row.camera_id,
            quarter=row.minute // 15,
            zone_id=row.zone_id,
            occupied_s=row.occupied_s,
            occupancy_max=row.occupancy_max,
            visits=row.visits,
        )
        for row in minutes
    ]
    ended = [
        QuarterZone(
            camera_id=row.camera_id,
            quarter=quarter_of(row.left_at),
            zone_id=row.zone_id,
            dwell_s=row.dwell_s,
            dwell=_one_dwell(row.dwell_s),
        )
        for row in visits
    ]
    add_sums(occupied + ended)


def _one_dwell(dwell_s: float) -> bytes:
    counts = [0] * DWELL_BINS
    counts[dwell_bin(dwell_s)] = 1
    return pack(counts)


def add_movements_and_heat(facts: Iterable[Facts]) -> None:
    """Neither has a key of its own: each batch only once."""
    batches = list(facts)
    add_sums(
        QuarterMovement(
            camera_id=message.camera_id,
            quarter=quarter_of(moment(found.time_s)),
            origin_line=found.origin[0],
            origin_direction=found.origin[1],
            destination_line=found.destination[0],
            destination_direction=found.destination[1],
            object_class=text(found.object_class, 40),
            count=1,
        )
        for message in batches
        for found in message.movements
        if is_moment(found.time_s)
    )
    add_sums(row for message in batches for row in _heat_rows(message))


def _heat_rows(message: Facts) -> Iterator[QuarterHeat]:
    for kind, quarter, cells in message.heat:
        if 0 <= quarter < MAX_MINUTE // 15 and _is_heat(cells):
            yield QuarterHeat(camera_id=message.camera_id, quarter=quarter, kind=kind, cells=cells)


def _is_heat(cells: bytes) -> bool:
    try:
        return bool(add_heat([cells]).any())
    except ValueError:
        return False
