"""The only place where workers' results become rows.

A batch may come twice: after a failed commit, or from a worker that is not sure it was heard.
Crossings and visits carry natural keys, and only a row that was not there yet adds to the counts.
A speed is written to its crossing once, and only then adds to the sums. Seconds observed,
occupancy, movements and heat have no key of their own: they are added once per (run, sequence).
Minutes and quarters of an hour are raised in the same transaction, by the same additions.

There is one writer. On PostgreSQL the cameras' rows are locked all the same, so that a second one,
or the deletion of a camera, waits instead of interfering; SQLite's transactions are IMMEDIATE.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from sensing.ingest.facts import add_counts, new_crossings, new_visits
from sensing.ingest.measures import add_occupancy, not_yet_applied
from sensing.ingest.quarters import add_counts_to_quarters, add_movements_and_heat
from sensing.ingest.speeds import add_speeds, drift_of
from sensing.ingest.states import set_states, states_before
from sensing.ingest.watched import add_watched, down_seconds, observed_seconds
from sensing.models import Camera, Crossing, Visit
from sensing.worker.messages import Facts, Status

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ingested:
    """What a call stored. ``unknown`` counts messages of cameras that were deleted meanwhile,
    ``refused`` facts that no row can hold (a time outside the calendar). ``measured``: crossings
    that got their speed; ``homeless``: readings whose crossing is not stored yet, to be given
    again."""

    cameras: frozenset[int] = frozenset()
    crossings: int = 0
    visits: int = 0
    unknown: int = 0
    refused: int = 0
    measured: tuple[Crossing, ...] = ()
    homeless: tuple[Facts, ...] = ()


def ingest(messages: Iterable[Facts | Status]) -> Ingested:
    """Store a batch in one transaction; harmless when repeated. Raises only ``DatabaseError``."""
    batch = list(messages)
    if not batch:
        return Ingested()
    with transaction.atomic():
        paused = dict(
            Camera.objects.select_for_update(no_key=True)
            .filter(pk__in={message.camera_id for message in batch})
            .order_by("pk")
            .values_list("pk", "paused")
        )
        known = [message for message in batch if message.camera_id in paused]
        facts = [message for message in known if isinstance(message, Facts)]
        moved = drift_of(facts)
        crossings, refused_crossings = new_crossings(facts, moved)
        visits, refused_visits = new_visits(facts)
        Crossing.objects.bulk_create(crossings)
        Visit.objects.bulk_create(visits)
        add_counts(crossings)
        add_counts_to_quarters(crossings)
        measured, homeless = add_speeds(facts, moved)
        fresh = not_yet_applied(facts)
        add_occupancy(fresh, visits)
        add_movements_and_heat(fresh)
        # A worker's last words may arrive after its camera was paused.
        statuses = [m for m in known if isinstance(m, Status) and not paused[m.camera_id]]
        last = {status.camera_id: status for status in statuses}
        before = states_before(last)
        down = down_seconds(last.values(), before)
        first_watched = add_watched(observed_seconds(fresh), down)
        set_states(last.values(), before)
    refused = refused_crossings + refused_visits
    if refused:
        logger.warning("%d facts refused: their time is outside the calendar", refused)
    return Ingested(
        cameras=first_watched
        | {row.camera_id for row in crossings}
        | {row.camera_id for row in visits},
        crossings=len(crossings),
        visits=len(visits),
        unknown=len(batch) - len(known),
        refused=refused,
        measured=tuple(measured),
        homeless=tuple(homeless),
    )
