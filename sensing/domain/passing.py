"""What a vehicle's passing of a line makes known beside the count: headway, wrong way, and, where
the road is calibrated, speed, length, gap and time on the line."""

from __future__ import annotations

import math
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sensing.domain.memory import TrackMemory
from sensing.domain.pose import BODY_SIZES, DEFAULT_SIZE, BodySize
from sensing.domain.results import Crossing, SpeedReading
from sensing.domain.road import CameraRoad
from sensing.domain.scene import CountingLine
from sensing.domain.speed import SpeedSample
from sensing.domain.speed_meter import SpeedMeter
from sensing.domain.speed_traffic import LengthEstimate, estimate_length, time_on_line_s
from sensing.domain.tracking import Tracks

SETTLE_S = 1.5
"""The looks behind the line are worth as much as those before it; a lost track is remembered for
as long."""
SHADED_SIZES = {name: replace(body, clearance_m=0.0) for name, body in BODY_SIZES.items()}
"""Bodies with the shadow beneath them, which moves as they do: what differs from the picture before
reaches down to the road."""
_REMEMBERED = 8  # passings per line and direction: some are told late
_ON_LINE_REMEMBERED = 256

Gate = tuple[str, str]
Key = tuple[str, int, int]


class Headways:
    """Seconds since the vehicle before over the same line in the same direction."""

    def __init__(self, longest_gap_s: float) -> None:
        self._longest_gap_s = longest_gap_s
        self._frame_s = -math.inf
        self._watched_since_s = math.inf
        self._passed: defaultdict[Gate, deque[tuple[float, Key]]] = defaultdict(
            lambda: deque(maxlen=_REMEMBERED)
        )

    def frame(self, time_s: float) -> None:
        """A frame was looked at; who passed in a gap before it is not known."""
        if not 0.0 <= time_s - self._frame_s <= self._longest_gap_s:
            self._watched_since_s = time_s
        self._frame_s = time_s

    def of(self, crossing: Crossing) -> tuple[float, Key] | None:
        """(headway, who was before) of a crossing, in any order; None for the first of all and
        after a gap."""
        passed = self._passed[crossing.line_id, crossing.direction]
        earlier = [p for p in passed if self._watched_since_s <= p[0] <= crossing.time_s]
        passed.append((crossing.time_s, key_of(crossing)))
        if not earlier:
            return None
        time_s, before = max(earlier, key=lambda p: p[0])
        return crossing.time_s - time_s, before


@dataclass(frozen=True, slots=True)
class _Pending:
    """A crossing whose speed is not told yet, the vehicle before it, and its box at the line."""

    crossing: Crossing
    before: Key | None
    box: list[float] | None


class Passings:
    """Completes the crossings of vehicles. Their speeds follow about ``SETTLE_S`` after them.

    ``road`` is None where it is not calibrated: then there are no speeds. Follows ``memory``, made
    with the scene's anchor; with a pose any anchor shows the speed, else it takes a memory of its
    own for the lower edges of boxes.
    """

    def __init__(
        self,
        lines: Sequence[CountingLine],
        memory: TrackMemory,
        road: CameraRoad | None,
        *,
        longest_gap_s: float = 1.0,
    ) -> None:
        self._one_way = {line.id: line.one_way for line in lines}
        self._headways = Headways(longest_gap_s)
        self._memory, self._road = memory, road
        self._sizes: Mapping[str, BodySize] = BODY_SIZES
        self._meter = meter_for(road, memory, self._sizes) if road is not None else None
        self._pending: list[_Pending] = []
        self._on_line_s: OrderedDict[Key, float] = OrderedDict()

    def update(
        self, tracks: Tracks, time_s: float, crossings: Iterable[Crossing]
    ) -> tuple[list[Crossing], list[SpeedReading]]:
        """One frame: (its crossings, completed; speeds of earlier ones that are settled now)."""
        self._headways.frame(time_s)
        told = self._follow_boxes(shaded=tracks.shaded)
        if self._meter is not None:
            self._meter.update(tracks, time_s, tracks.measured_xyxy)
        completed = self._complete(crossings)
        if not self._pending:
            return completed, told
        due = [p for p in self._pending if time_s - p.crossing.time_s >= SETTLE_S]
        if due:
            self._pending = [p for p in self._pending if time_s - p.crossing.time_s < SETTLE_S]
        return completed, told + self._settle(due)

    def finish(self, crossings: Iterable[Crossing]) -> tuple[list[Crossing], list[SpeedReading]]:
        """The last crossings, and the speeds of all that are still awaited."""
        completed = self._complete(crossings)
        pending, self._pending = self._pending, []
        return completed, self._settle(pending)

    def _follow_boxes(self, *, shaded: bool) -> list[SpeedReading]:
        """Another detector's boxes are filled otherwise by the same bodies. What was measured on
        the boxes until now is told before it is forgotten."""
        sizes = SHADED_SIZES if shaded else BODY_SIZES
        if sizes is self._sizes:
            return []
        pending, self._pending = self._pending, []
        told = self._settle(pending)
        self._sizes = sizes
        if self._meter is not None:
            self._meter.take_sizes(sizes)
        return told

    def _complete(self, crossings: Iterable[Crossing]) -> list[Crossing]:
        completed: list[Crossing] = []
        for crossing in sorted(crossings, key=lambda c: c.time_s):
            known = self._headways.of(crossing)
            only = self._one_way.get(crossing.line_id, "")
            headway_s, before = known or (None, None)
            whole = replace(
                crossing, headway_s=headway_s, wrong_way=only not in ("", crossing.direction)
            )
            completed.append(whole)
            if self._meter is not None:
                box = self._memory.newest_box(crossing.track_id)
                self._pending.append(_Pending(whole, before, box))
        return completed

    def _settle(self, pending: list[_Pending]) -> list[SpeedReading]:
        """In order of time: a gap needs to know the vehicle before."""
        ordered = sorted(pending, key=lambda p: p.crossing.time_s)
        return [reading for p in ordered if (reading := self._read(p)) is not None]

    def _read(self, pending: _Pending) -> SpeedReading | None:
        crossing = pending.crossing
        if self._meter is None:
            return None
        sample = self._meter.measure(crossing.track_id, crossing.time_s)
        if not isinstance(sample, SpeedSample):
            return None
        length = self._length(pending, sample)
        on_line_s = None if length is None else time_on_line_s(length.length_m, sample.speed_mps)
        if on_line_s is not None:
            self._on_line_s[key_of(crossing)] = on_line_s
            if len(self._on_line_s) > _ON_LINE_REMEMBERED:
                self._on_line_s.popitem(last=False)
        covered_s = None if pending.before is None else self._on_line_s.get(pending.before)
        return SpeedReading(
            *key_of(crossing),
            speed_mps=sample.speed_mps,
            standard_error_mps=sample.total_error_mps,
            length_m=None if length is None else length.length_m,
            gap_s=None
            if covered_s is None or crossing.headway_s is None
            else crossing.headway_s - covered_s,
            on_line_s=on_line_s,
        )

    def _length(self, pending: _Pending, sample: SpeedSample) -> LengthEstimate | None:
        """What the box at the line shows, or the newest where that one was cut."""
        road = self._road
        if road is None or road.pose is None:
            return None
        body = self._sizes.get(pending.crossing.object_class, DEFAULT_SIZE)
        for box in (pending.box, self._memory.newest_box(pending.crossing.track_id)):
            if box is not None and not road.cuts(box):
                return estimate_length(box, road.plane, road.pose, sample.heading_rad, body)
        return None


def meter_for(road: CameraRoad, memory: TrackMemory, sizes: Mapping[str, BodySize]) -> SpeedMeter:
    """A meter that follows ``memory`` where the pose allows any anchor, else one of its own."""
    anchor = memory.anchor
    if road.pose is None and anchor != "bottom":
        anchor, memory = "bottom", TrackMemory("bottom", memory.linger_s)
    return SpeedMeter(
        road.plane, road.pose, road.frame_width, road.frame_height, memory,
        anchor=anchor, sizes=sizes,
    )  # fmt: skip


def key_of(crossing: Crossing) -> Key:
    return crossing.line_id, crossing.track_id, crossing.nth
