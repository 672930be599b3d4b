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
from sensing.domain.memory import Column, Looks, Rows, TrackMemory
from sensing.domain.results import Visit
from sensing.domain.scene import Anchor, Zone
from sensing.domain.tracking import Tracks

_BAND_SHARE, _BAND_NOISE, _BAND_LEAST_PX = 0.08, 4.0, 3.0
_NARROW = (
    0.25  # the band takes at most this share of a zone's breadth, or nobody could ever be inside
)


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
    """Follows all tracks through the zones; reports the ``counted`` ones."""

    def __init__(
        self,
        zones: Sequence[Zone],
        frame_width: int,
        frame_height: int,
        anchor: Anchor = "center",
        parameters: VisitParameters | None = None,
    ) -> None:
        self._ids = [zone.id for zone in zones]
        self._zones = PolygonSet.from_scene(zones, frame_width, frame_height)
        self._breadth = _breadths(zones, frame_width, frame_height)
        self._parameters = parameters or VisitParameters()
        per_zone = (len(zones),)
        self._memory = TrackMemory(
            anchor,
            self._parameters.reentry_s,
            {
                "inside": Column(per_zone),
                "depth": Column(per_zone),  # px from the edge, positive inside
                "streak": Column(per_zone),  # looks in a row beyond the band on the other side
                "passed_s": Column(per_zone, np.nan),  # newest passing of the edge
                "entered_s": Column(per_zone, np.nan),  # begin of the open visit
                "left_s": Column(per_zone, np.nan),  # its end, while it may resume
                "nth": Column(per_zone),
            },
        )

    def update(self, tracks: Tracks, time_s: float, counted: Bools | None = None) -> list[Visit]:
        """Visits that are known to have ended by this frame."""
        memory = self._memory
        if not self._ids or not (len(tracks) or len(memory)):
            return []
        fresh, heirs, looks = memory.begin(tracks, time_s, counted)
        self._place(fresh)
        if heirs is not None:
            memory["nth"][:, heirs.seen] = 0.0
            self._advance(heirs)
        self._advance(looks)
        # Visits whose object has been outside for longer than the re-entry time.
        over = time_s - memory["left_s"] > self._parameters.reentry_s
        visits = self._close(over) if over.any() else []
        leaving = memory.leaving(time_s)
        if len(leaving):
            visits += self._close_lost(leaving)
            memory.drop(leaving)
        return visits

    def occupancy(self) -> dict[str, int]:
        """Counted objects in each zone on the newest frame; one that coasts is still there."""
        memory = self._memory
        counts = memory["inside"] @ (memory["present"] * memory["counted"])
        return {zone: int(count) for zone, count in zip(self._ids, counts, strict=True)}

    def finish(self) -> list[Visit]:
        """End all open visits: the run is over."""
        everyone = np.arange(len(self._memory))
        visits = self._close_lost(everyone)
        self._memory.drop(everyone)
        return visits

    def _place(self, fresh: Rows) -> None:
        """A new track inside a zone has been there since it was first seen."""
        if len(fresh):
            memory = self._memory
            times_s = memory["time_s"][fresh]
            depth = self._zones.signed_distance(memory["point"][:, fresh])
            memory["depth"][:, fresh] = depth
            memory["inside"][:, fresh] = depth > 0.0
            memory["passed_s"][:, fresh] = times_s
            memory["entered_s"][:, fresh] = np.where(depth > 0.0, times_s, np.nan)

    def _advance(self, looks: Looks) -> None:
        memory = self._memory
        depth = self._zones.signed_distance(looks.points)
        before, then = memory["depth"], memory["time_s"]
        passed = ((depth > 0.0) != (before > 0.0)) & looks.seen
        if passed.any():
            share = before / np.where(passed, before - depth, 1.0)
            at = then + share * (looks.times_s - then)
            np.copyto(memory["passed_s"], at, where=passed)
        np.copyto(before, depth, where=looks.seen)
        memory.move(looks)
        streak = memory["streak"]
        moved = ((depth > 0.0) != (memory["inside"] > 0.0)) & looks.seen
        if not moved.any():
            np.copyto(streak, 0.0, where=looks.seen)
            return
        band = np.minimum(self._bands(), _NARROW * self._breadth[:, None])
        moved &= np.abs(depth) > band
        np.copyto(streak, np.where(moved, streak + 1.0, 0.0), where=looks.seen)
        moved &= (streak >= 2.0) | (np.abs(depth) > 3.0 * band)
        if moved.any():
            streak[moved] = 0.0
            self._enter_or_leave(moved)

    def _enter_or_leave(self, moved: Bools) -> None:
        memory = self._memory
        inside, passed_s = memory["inside"], memory["passed_s"]
        leaving = moved & (inside > 0.0)
        entering = moved & (inside == 0.0)
        begun = entering & np.isnan(memory["entered_s"])
        np.copyto(memory["left_s"], np.nan, where=entering)  # who resumes a visit has not left
        np.copyto(memory["left_s"], passed_s, where=leaving)
        np.copyto(memory["entered_s"], passed_s, where=begun)
        inside[moved] = 1.0 - inside[moved]

    def _close_lost(self, ending: Rows) -> list[Visit]:
        """Visits of tracks that are gone: they ended when the object was last seen inside."""
        memory = self._memory
        lost = np.zeros(memory["inside"].shape, np.bool_)
        lost[:, ending] = ~np.isnan(memory["entered_s"][:, ending])
        still = lost & np.isnan(memory["left_s"])
        np.copyto(memory["left_s"], memory["time_s"], where=still)
        return self._close(lost) if lost.any() else []

    def _close(self, over: Bools) -> list[Visit]:
        memory = self._memory
        visits: list[Visit] = []
        for zone, track in np.argwhere(over).tolist():
            enter_s = float(memory["entered_s"][zone, track])
            leave_s = float(memory["left_s"][zone, track])
            memory["entered_s"][zone, track] = memory["left_s"][zone, track] = np.nan
            stayed = leave_s - enter_s >= self._parameters.minimum_stay_s
            if not stayed or not memory["counted"][track]:
                continue
            visits.append(
                Visit(
                    zone_id=self._ids[zone],
                    track_id=int(memory.ids[track]),
                    nth=int(memory["nth"][zone, track]),
                    object_class=counted_class(memory.labels[int(memory["label"][track])]),
                    enter_s=enter_s,
                    leave_s=leave_s,
                )
            )
            memory["nth"][zone, track] += 1.0
        return visits

    def _bands(self) -> Floats:
        memory = self._memory
        return hysteresis_band(
            memory["size"], memory.noise_px(), _BAND_SHARE, _BAND_NOISE, _BAND_LEAST_PX
        )


def _breadths(zones: Sequence[Zone], frame_width: int, frame_height: int) -> Floats:
    """The narrower side of each zone's bounding box, (Z,) px."""
    scale = np.array([frame_width, frame_height], np.float64)
    return np.array([(np.ptp(np.array(z.points), axis=0) * scale).min() for z in zones], np.float64)
