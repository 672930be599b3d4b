"""Collects one run's facts into batches, with the seconds really observed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sensing.domain.heat import Heat
from sensing.domain.results import Crossing, Movement, SensedFacts, SpeedReading, Visit
from sensing.worker.messages import Facts, ZoneMinute

EVENTS_EVERY_S = 0.5
COVERAGE_EVERY_S = 1.0


class Ledger:
    """Facts of one run since the last batch.

    The time between two analysed frames counts as observed unless it is longer than
    ``longest_gap_s``: then nobody looked in between.
    """

    def __init__(
        self, camera_id: int, run_id: str, longest_gap_s: float, calibration_id: int = 0
    ) -> None:
        self.camera_id, self.run_id, self.calibration_id = camera_id, run_id, calibration_id
        self._longest_gap_s = longest_gap_s
        self._sequence = 0
        self._crossings: list[Crossing] = []
        self._visits: list[Visit] = []
        self._speeds: list[SpeedReading] = []
        self._movements: list[Movement] = []
        self._heat: list[Heat] = []
        self._observed_s: defaultdict[int, float] = defaultdict(float)
        self._occupied_s: defaultdict[tuple[str, int], float] = defaultdict(float)
        self._most: dict[tuple[str, int], int] = {}
        self._last_s: float | None = None
        self._occupancy: Mapping[str, int] = {}

    def add(self, facts: SensedFacts, time_s: float) -> None:
        """Enter what the frame taken at ``time_s`` (Unix seconds) brought."""
        self.add_events(facts)
        if self._last_s is not None and 0.0 < time_s - self._last_s <= self._longest_gap_s:
            for minute, seconds in by_minute(self._last_s, time_s):
                self._observed_s[minute] += seconds
                for zone_id, present in self._occupancy.items():
                    self._occupied_s[zone_id, minute] += present * seconds
        minute = int(time_s // 60)
        for zone_id, present in facts.occupancy.items():
            self._most[zone_id, minute] = max(present, self._most.get((zone_id, minute), 0))
        self._last_s, self._occupancy = time_s, facts.occupancy

    def add_events(self, facts: SensedFacts) -> None:
        """Enter what closing a run brought: no time passed in it."""
        self._crossings += facts.crossings
        self._visits += facts.visits
        self._speeds += facts.speeds
        self._movements += facts.movements

    def add_heat(self, heat: Iterable[Heat]) -> None:
        """Enter object-seconds that were not entered before; they leave with the next batch."""
        self._heat += heat

    def due(self, since_s: float) -> bool:
        """Whether a batch is worth sending ``since_s`` seconds after the last one."""
        if self._has_events():
            return since_s >= EVENTS_EVERY_S
        return bool(self._observed_s) and since_s >= COVERAGE_EVERY_S

    def _has_events(self) -> bool:
        return bool(self._crossings or self._visits or self._speeds or self._movements)

    def batch(self) -> Facts | None:
        """All that came since the last batch; None when nothing did."""
        if not (self._has_events() or self._observed_s or self._heat):
            return None
        keys = sorted(self._occupied_s.keys() | self._most.keys())
        facts = Facts(
            self.camera_id,
            self.run_id,
            self._sequence,
            tuple(self._crossings),
            tuple(self._visits),
            dict(self._observed_s),
            tuple(
                ZoneMinute(
                    zone,
                    minute,
                    self._occupied_s.get((zone, minute), 0.0),
                    self._most.get((zone, minute), 0),
                )
                for zone, minute in keys
            ),
            tuple(self._speeds),
            tuple(self._movements),
            tuple(self._heat),
            self.calibration_id,
        )
        self._sequence += 1
        self._crossings, self._visits, self._speeds = [], [], []
        self._movements, self._heat = [], []
        for part in (self._observed_s, self._occupied_s, self._most):
            part.clear()
        return facts


def by_minute(start_s: float, end_s: float) -> list[tuple[int, float]]:
    """An interval's seconds in each epoch minute that it touches."""
    parts: list[tuple[int, float]] = []
    while start_s < end_s:
        minute = int(start_s // 60)
        until_s = min(end_s, (minute + 1) * 60.0)
        parts.append((minute, until_s - start_s))
        start_s = until_s
    return parts
