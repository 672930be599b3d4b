"""Zones: who is in them now, and each stay as one visit with its dwell time.

An object enters and leaves only when its anchor has left a band around the zone's edge. A stay
goes on when the object steps out, or is lost, for no longer than the re-entry time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sensing.domain.classes import counted_class
from sensing.domain.geometry import Bools, Floats, PolygonSet, hysteresis_band
from sensing.domain.kinematics import Kinematics
from sensing.domain.memory import Column, Looks, Rows, Table, TrackMemory
from sensing.domain.results import Visit
from sensing.domain.scene import Anchor, Zone
from sensing.domain.tracking import Tracks

_BAND_SHARE, _BAND_NOISE, _BAND_LEAST_PX = 0.08, 4.0, 3.0
_NARROW = 0.25


@dataclass(frozen=True)
class VisitParameters:
    """Seconds. Raises ``ValueError`` for nonsense."""

    minimum_stay_s: float = 2.0
    reentry_s: float = 2.0

    def __post_init__(self) -> None:
        for name in ("minimum_stay_s", "reentry_s"):
            value = getattr(self, name)
            if not 0.0 <= value < float("inf"):
                raise ValueError(f"expected {name} of at least 0 s, got {value}")


class ZoneMonitor:
    """Follows all tracks through the zones; reports the ``counted`` ones.

    A ``memory`` may be shared with others, made with their anchor and ``reentry_s``; then each must
    be given every frame.
    """

    def __init__(
        self,
        zones: Sequence[Zone],
        frame_width: int,
        frame_height: int,
        anchor: Anchor = "center",
        parameters: VisitParameters | None = None,
        *,
        memory: TrackMemory | None = None,
    ) -> None:
        self._ids = [zone.id for zone in zones]
        self._zones = PolygonSet.from_scene(zones, frame_width, frame_height)
        # The band takes at most a share of a zone's breadth, or nobody could ever be inside.
        self._widest_band = _NARROW * _breadths(zones, frame_width, frame_height)[:, None]
        self._parameters = parameters or VisitParameters()
        # Not `memory or`: an empty one is false.
        self._memory = TrackMemory(anchor, self._parameters.reentry_s) if memory is None else memory
        per_zone = (len(zones),)
        self._layout = self._memory.attach(
            {
                "counted": Column(),
                "inside": Column(per_zone),
                "depth": Column(per_zone),  # px from the edge, positive inside
                "streak": Column(per_zone),  # looks in a row beyond the band on the other side
                "passed_s": Column(per_zone, np.nan),  # newest passing of the edge
                "entered_s": Column(per_zone, np.nan),  # begin of the open visit
                "left_s": Column(per_zone, np.nan),  # its end, while it may resume
                "nth": Column(per_zone),
            },
        )
        self._followed = 0
        self._occupancy = dict.fromkeys(self._ids, 0)

    def update(self, tracks: Tracks, time_s: float, counted: Bools | None = None) -> list[Visit]:
        """Visits that are known to have ended by this frame."""
        memory = self._memory
        if not self._ids or not memory.has_news(tracks, self._followed):
            return []
        step = memory.follow(tracks, time_s, self._followed)
        self._followed = step.number
        mine = self._mine()
        mine["counted"][:] = 1.0 if counted is None else counted
        self._place(step.fresh, step.begin)
        if step.heirs is not None:
            mine["nth"][:, step.heirs.seen] = 0.0
            self._advance(step.heirs)
        self._advance(step.looks)
        visits = self._close_left(memory.living, time_s) + self._close_left(memory.lost, time_s)
        if len(step.leaving):
            visits += self._close_lost(memory.lost, step.leaving)
        inside = (mine["inside"] @ mine["counted"]).tolist()
        self._occupancy = {zone: int(count) for zone, count in zip(self._ids, inside, strict=True)}
        return visits

    def occupancy(self) -> dict[str, int]:
        """Counted objects in each zone on the newest frame; one that coasts is still there."""
        return dict(self._occupancy)

    def finish(self) -> list[Visit]:
        """End all open visits: the run is over."""
        tables = (self._memory.living, self._memory.lost)
        visits = [x for table in tables for x in self._close_lost(table, table.everyone())]
        self._memory.forget()
        self._occupancy = dict.fromkeys(self._ids, 0)
        return visits

    def _mine(self) -> dict[str, Floats]:
        return self._memory.living.of(self._layout)

    def _place(self, fresh: Rows, begin: Kinematics) -> None:
        """A new track inside a zone has been there since it was first seen."""
        if len(fresh):
            mine = self._mine()
            times_s = begin.time_s[fresh]
            depth = self._zones.signed_distance(begin.point[:, fresh])
            mine["depth"][:, fresh] = depth
            mine["inside"][:, fresh] = depth > 0.0
            mine["passed_s"][:, fresh] = times_s
            mine["entered_s"][:, fresh] = np.where(depth > 0.0, times_s, np.nan)

    def _advance(self, looks: Looks) -> None:
        mine, seen = self._mine(), looks.seen
        depth = self._zones.signed_distance(looks.after.point)
        before, within = mine["depth"], depth > 0.0
        passed = within != (before > 0.0)
        passed &= seen
        if np.count_nonzero(passed):
            then = looks.before.time_s
            share = before / np.where(passed, before - depth, 1.0)
            at = then + share * (looks.after.time_s - then)
            np.copyto(mine["passed_s"], at, where=passed)
        np.copyto(before, depth, where=seen)
        streak = mine["streak"]
        moved = within != (mine["inside"] > 0.0)
        moved &= seen
        if not np.count_nonzero(moved):
            np.copyto(streak, 0.0, where=seen)
            return
        band = np.minimum(_bands(looks.after), self._widest_band)
        moved &= np.abs(depth) > band
        np.copyto(streak, (streak + 1.0) * moved, where=seen)
        moved &= (streak >= 2.0) | (np.abs(depth) > 3.0 * band)
        if np.count_nonzero(moved):
            streak[moved] = 0.0
            self._enter_or_leave(moved)

    def _enter_or_leave(self, moved: Bools) -> None:
        mine = self._mine()
        inside, passed_s = mine["inside"], mine["passed_s"]
        leaving = moved & (inside > 0.0)
        entering = moved & (inside == 0.0)
        begun = entering & np.isnan(mine["entered_s"])
        np.copyto(mine["left_s"], np.nan, where=entering)  # who resumes a visit has not left
        np.copyto(mine["left_s"], passed_s, where=leaving)
        np.copyto(mine["entered_s"], passed_s, where=begun)
        inside[moved] = 1.0 - inside[moved]

    def _close_left(self, table: Table, time_s: float) -> list[Visit]:
        """Visits whose object has been outside for longer than the re-entry time."""
        if not len(table):
            return []
        over = time_s - table.of(self._layout)["left_s"] > self._parameters.reentry_s
        return self._close(table, over) if np.count_nonzero(over) else []

    def _close_lost(self, table: Table, ending: Rows) -> list[Visit]:
        """Visits of tracks that are gone: they ended when the object was last seen inside."""
        mine = table.of(self._layout)
        lost = np.zeros(mine["inside"].shape, np.bool_)
        lost[:, ending] = ~np.isnan(mine["entered_s"][:, ending])
        still = lost & np.isnan(mine["left_s"])
        np.copyto(mine["left_s"], table.motion.time_s, where=still)
        return self._close(table, lost) if np.count_nonzero(lost) else []

    def _close(self, table: Table, over: Bools) -> list[Visit]:
        mine = table.of(self._layout)
        visits: list[Visit] = []
        for zone, track in np.argwhere(over).tolist():
            enter_s = float(mine["entered_s"][zone, track])
            leave_s = float(mine["left_s"][zone, track])
            mine["entered_s"][zone, track] = mine["left_s"][zone, track] = np.nan
            stayed = leave_s - enter_s >= self._parameters.minimum_stay_s
            if not stayed or not mine["counted"][track]:
                continue
            object_class = counted_class(self._memory.labels[int(table.label[track])])
            visits.append(
                Visit(
                    zone_id=self._ids[zone],
                    track_id=int(table.ids[track]),
                    nth=int(mine["nth"][zone, track]),
                    object_class=object_class,
                    enter_s=enter_s,
                    leave_s=leave_s,
                )
            )
            mine["nth"][zone, track] += 1.0
        return visits


def _bands(motion: Kinematics) -> Floats:
    return hysteresis_band(motion.size, motion.noise_px(), _BAND_SHARE, _BAND_NOISE, _BAND_LEAST_PX)


def _breadths(zones: Sequence[Zone], frame_width: int, frame_height: int) -> Floats:
    """The narrower side of each zone's bounding box, (Z,) px."""
    scale = np.array([frame_width, frame_height], np.float64)
    return np.array([(np.ptp(np.array(z.points), axis=0) * scale).min() for z in zones], np.float64)
