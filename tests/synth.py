"""Synthetic traffic whose truth is known exactly: each object has a line of its own in its own
cell of a very large picture, so that one frame holds a hundred independent experiments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.detections import Detections
from sensing.domain.scene import CountingLine
from sensing.domain.scoring import ScoredEvent
from sensing.domain.tracking import Tracks

Floats = NDArray[np.float64]

CELL_PX = 700
FINE_HZ = 60  # the grid on which the truth is computed
LABELS = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
CAR, TRUCK = 2, 5
PATHS = ("through", "stop", "u_turn", "turn_back", "creep", "fast", "around")
PASSING = ("through", "around", "fast")  # in the picture only while they pass, at constant speed


@dataclass(frozen=True)
class World:
    """N objects at T moments: ``centre`` (T, N, 2) and ``size`` (N, 2) px without any error,
    ``visible`` (T, N), and what truly happened. Object ``i`` belongs to line ``str(i)``."""

    width: int
    height: int
    lines: tuple[CountingLine, ...]
    time_s: Floats
    centre: Floats
    size: Floats
    visible: NDArray[np.bool_]
    path: tuple[str, ...]
    truth: tuple[ScoredEvent, ...]

    def boxes(self, frame: int) -> Floats:
        """(N, 4) xyxy at a moment."""
        half = self.size / 2
        return np.concatenate([self.centre[frame] - half, self.centre[frame] + half], axis=1)


@dataclass(frozen=True)
class Faults:
    """What goes wrong between the world and the counter."""

    jitter_px: tuple[float, float] = (1.0, 3.0)
    dropped_frames: float = 0.0
    lost_looks: float = 0.0  # share of single looks that are missing
    switched: float = 0.0  # share of objects that get a new identity, most of them near their line
    switch_gap_s: float = 0.5


def world(
    rng: np.random.Generator,
    count: int,
    fps: float,
    *,
    paths: Sequence[str] = PATHS,
    stop_s: tuple[float, float] = (1.0, 4.0),
    size_px: tuple[float, float] = (24.0, 120.0),
) -> World:
    """``count`` objects, each on a path drawn from ``paths``."""
    columns = int(np.ceil(np.sqrt(count)))
    side = columns * CELL_PX
    plans = [_plan(rng, str(rng.choice(paths)), fps, stop_s, size_px) for _ in range(count)]
    fine_s = np.arange(0.0, max(plan.end_s for plan in plans) + 0.5, 1.0 / FINE_HZ)
    time_s = np.arange(0.0, fine_s[-1] - 1e-9, 1.0 / fps)
    centre = np.empty((len(time_s), count, 2))
    lines: list[CountingLine] = []
    truth: list[ScoredEvent] = []
    for i, plan in enumerate(plans):
        middle = (np.array([i % columns, i // columns]) + 0.5) * CELL_PX
        along = np.array([np.cos(plan.line_angle), np.sin(plan.line_angle)])
        ends = middle + np.outer([-0.5, 0.5], along * plan.line_px)
        p1, p2 = (tuple((end / side).tolist()) for end in ends)
        lines.append(CountingLine(str(i), str(i), p1, p2))  # type: ignore[arg-type]
        travel = plan.travel(fine_s)
        right = np.array([-along[1], along[0]])  # of the arrow, with y downward
        heading = right * np.cos(plan.slant) + along * np.sin(plan.slant)
        meeting = middle + along * plan.offset_px
        centre[:, i] = meeting + np.interp(time_s, fine_s, travel)[:, None] * heading
        if plan.path != "around":
            truth += [
                ScoredEvent(str(i), "forward" if step > 0 else "backward", float(fine_s[at]), "car")
                for at, step in _changes(travel)
            ]
    sizes = np.array([plan.box_px for plan in plans])
    names = tuple(plan.path for plan in plans)
    visible = np.stack([plan.visible(time_s) for plan in plans], axis=1)
    return World(side, side, tuple(lines), time_s, centre, sizes, visible, names, tuple(truth))


@dataclass(frozen=True)
class _Plan:
    """How one object moves along its straight way: corners of travel (px, 0 on the line) over
    time."""

    path: str
    line_angle: float
    line_px: float
    offset_px: float
    slant: float
    box_px: tuple[float, float]
    corners_s: tuple[float, ...]
    corners_px: tuple[float, ...]
    sign: float
    rounding_s: float

    @property
    def end_s(self) -> float:
        return self.corners_s[-1]

    def visible(self, time_s: Floats) -> NDArray[np.bool_]:
        """When it is in the picture; what stops or turns stands there before and after."""
        passing = (time_s >= self.corners_s[0]) & (time_s <= self.corners_s[-1])
        return passing if self.path in PASSING else np.ones(len(time_s), np.bool_)

    def travel(self, fine_s: Floats) -> Floats:
        """Position on its way; corners are rounded off, because nothing stops in no time."""
        travel = np.interp(fine_s, self.corners_s, self.corners_px) * self.sign
        window = int(self.rounding_s * FINE_HZ) | 1
        padded = np.pad(travel, window // 2, mode="edge")
        return np.convolve(padded, np.full(window, 1.0 / window), mode="valid")


def _plan(
    rng: np.random.Generator,
    path: str,
    fps: float,
    stop_s: tuple[float, float],
    size_px: tuple[float, float],
) -> _Plan:
    size = rng.uniform(*size_px)
    aspect = np.exp(rng.uniform(-0.7, 0.9))
    far = rng.uniform(1.5, 2.2) * size + 40.0
    near = 0.4 * size + 25.0
    # Sizes per second; what stops or turns does so within a human's or a vehicle's power.
    speed = (rng.uniform(0.8, 4.0) if path in PASSING else rng.uniform(0.8, 2.0)) * size
    stand = rng.uniform(*stop_s)
    if path in PASSING:
        far = max(far, min(speed, 330.0))  # seen for a second before its line
    legs: dict[str, list[tuple[float, float]]] = {  # (travel px, seconds to get there)
        "through": [(far, 2 * far / speed)],
        "around": [(far, 2 * far / speed)],
        "stop": [(rng.uniform(-2, 2), far / speed), (0.0, stand), (far, far / speed)],
        "u_turn": [(far, 2 * far / speed), (-far, 2 * far / speed)],
        "turn_back": [(-near, far / speed), (-far, far / speed)],
        "creep": [(far, 2 * far / (rng.uniform(0.3, 0.6) * size))],
        "fast": [(far, max(2 * far / (rng.uniform(5.0, 8.0) * size), 4.0 / fps))],
    }
    corners = [(-far, 0.0), *legs[path]]
    if path == "stop":
        corners[2] = (corners[1][0], stand)
    begin = rng.uniform(0.0, 0.5) + 0.4
    line_px = rng.uniform(90.0, 320.0)
    offset = rng.uniform(-0.5, 0.5) * (line_px - 50.0)
    if path == "around":
        offset = rng.choice([-1.0, 1.0]) * (0.5 * line_px + rng.uniform(25.0, 60.0))
    return _Plan(
        path=path,
        line_angle=rng.choice([rng.uniform(0, 2 * np.pi), rng.integers(4) * np.pi / 2]),
        line_px=line_px,
        offset_px=float(offset),
        slant=rng.uniform(-0.9, 0.9),
        box_px=(float(size * np.sqrt(aspect)), float(size / np.sqrt(aspect))),
        corners_s=tuple(begin + np.cumsum([leg for _, leg in corners])),
        corners_px=tuple(travel for travel, _ in corners),
        sign=float(rng.choice([-1.0, 1.0])),
        rounding_s=0.0 if path in PASSING else 1.0,
    )


def _changes(travel: Floats) -> Iterator[tuple[int, float]]:
    side = np.where(travel >= 0.0, 1.0, -1.0)
    for at in np.flatnonzero(np.diff(side)) + 1:
        yield int(at), float(side[at])


def road(rng: np.random.Generator, fps: float, seconds: float, lanes: int = 4) -> World:
    """Lanes seen from above, half of them upward, over one line across the middle of the picture.

    The vehicles of a lane move as one, keeping their distances, from creeping nose to tail to free
    flow with a second's headway; each lane stops for a while.
    """
    width, height = 160 * lanes, 720
    time_s = np.arange(0.0, seconds, 1.0 / fps)
    fine_s = np.arange(0.0, seconds, 1.0 / FINE_HZ)
    centres: list[Floats] = []
    sizes: list[tuple[float, float]] = []
    truth: list[ScoredEvent] = []
    for lane in range(lanes):
        down = 1.0 if lane < lanes / 2 else -1.0
        speed = rng.uniform(80.0, 500.0)
        stop_s = rng.uniform(0.3, 0.8) * seconds
        slow = np.clip(np.abs(fine_s - stop_s - 2.0) / 1.5 - 1.3, 0.0, 1.0)  # 1 free … 0 standing
        moved = np.concatenate([[0.0], np.cumsum(speed * slow[:-1] / FINE_HZ)])
        place = height * 0.9
        while place > -moved[-1] - 200.0:
            length = rng.choice([rng.uniform(70, 110), rng.uniform(150, 260)], p=[0.8, 0.2])
            travel = place - length / 2 + moved - height / 2  # 0 on the line
            truth += [
                ScoredEvent("road", "forward" if down > 0 else "backward", float(fine_s[at]))
                for at, _ in _changes(travel)
            ]
            y = height / 2 + down * np.interp(time_s, fine_s, travel)
            centres.append(np.stack([np.full(len(y), 160.0 * lane + 80.0), y], axis=1))
            sizes.append((rng.uniform(45, 70), float(length)))
            place -= length + rng.uniform(25.0, 60.0) + 0.8 * speed * rng.uniform(0.6, 2.0)
    centre, size = np.stack(centres, axis=1), np.array(sizes)
    shown = np.clip(centre[..., 1] + size[:, 1] / 2, 0, height) - np.clip(
        centre[..., 1] - size[:, 1] / 2, 0, height
    )
    return World(
        width,
        height,
        (CountingLine("road", "road", (0.0, 0.5), (1.0, 0.5)),),
        time_s,
        centre,
        size,
        shown > 0.3 * size[:, 1],
        ("road",) * len(size),
        tuple(truth),
    )


def settled_truth(world: World) -> dict[str, list[str]]:
    """The directions each object truly passed in, in order. While it stands on its line its true
    centre may sit on either side of it by a pixel, so a there-and-back within a stop is no
    passing."""
    passed: dict[str, list[str]] = {line.id: [] for line in world.lines}
    for event in world.truth:
        passed[event.line].append(event.direction)
    return {
        line: ways[:1] if world.path[int(line)] == "stop" else ways for line, ways in passed.items()
    }


def faulty_tracks(
    world: World, rng: np.random.Generator, faults: Faults
) -> Iterator[tuple[Tracks, float, int]]:
    """Tracks as a tracker would hand them over: (tracks, time, frame), with its faults."""
    frames, count = world.centre.shape[:2]
    jitter = rng.uniform(*faults.jitter_px, count)
    identity = np.tile(np.arange(1, count + 1), (frames, 1))
    fast = np.array([path == "fast" for path in world.path])
    dropped = rng.random(frames) < faults.dropped_frames
    for event in world.truth:
        if fast[int(event.line)]:  # who was never seen on both sides cannot be counted by anyone
            after = int(np.searchsorted(world.time_s, event.time_s))
            dropped[after - 2 : after + 1] = False
    seen = world.visible & (fast | (rng.random((frames, count)) >= faults.lost_looks))
    for i in np.flatnonzero((rng.random(count) < faults.switched) & ~fast).tolist():
        gap = _switch_gap(world, rng, i, faults.switch_gap_s)
        # Only of an object whose motion has been seen can anyone say where it went.
        if (seen[: gap.start, i] & ~dropped[: gap.start]).sum() >= 3 and gap.stop < frames:
            seen[gap, i] = False
            identity[gap.start :, i] += count
            for edge in (gap.start - 1, gap.stop):
                seen[edge, i], dropped[edge] = world.visible[edge, i], False
    seen &= ~dropped[:, None]
    first_s = np.full(2 * count, np.nan)  # each object may have two identities
    first_box = np.zeros((2 * count, 4))
    for frame in np.flatnonzero(~dropped).tolist():
        time_s = float(world.time_s[frame])
        boxes = world.boxes(frame) + np.tile(
            rng.normal(0.0, 1.0, (count, 2)) * jitter[:, None], (1, 2)
        )
        here = np.flatnonzero(seen[frame])
        here = here[np.argsort(identity[frame, here])]
        ids = identity[frame, here]
        new = np.isnan(first_s[ids - 1])
        first_s[ids[new] - 1] = time_s
        first_box[ids[new] - 1] = boxes[here[new]]
        tracks = Tracks(
            track_id=ids.astype(np.int64),
            xyxy=boxes[here].astype(np.float32),
            confidence=np.full(len(ids), 0.9, np.float32),
            class_id=np.full(len(ids), CAR, np.int32),
            labels=LABELS,
            observed=np.ones(len(ids), np.bool_),
            first_seen_s=first_s[ids - 1],
            origin_xyxy=first_box[ids - 1].astype(np.float32),
        )
        yield tracks, time_s, frame


def _switch_gap(world: World, rng: np.random.Generator, i: int, gap_s: float) -> slice:
    """The frames on which object ``i`` is lost before it gets a new identity: around a true passing
    if it has one."""
    passings = [event.time_s for event in world.truth if event.line == str(i)]
    middle_s = rng.choice(passings) if passings else float(np.median(world.time_s))
    at_s = middle_s + rng.uniform(-0.6, 0.3)
    start, stop = np.searchsorted(world.time_s, (at_s, at_s + rng.uniform(0.0, gap_s)))
    return slice(int(start), int(stop))


def noisy_detections(
    world: World,
    rng: np.random.Generator,
    *,
    missed: float = 0.03,
    twins: float = 0.1,
    false_alarms: float = 0.05,
) -> Iterator[tuple[Detections, float, int]]:
    """What a detector would see: jitter, misses, doubtful looks, cars taken for trucks, cars
    found twice, boxes that are no boxes, and a false alarm now and then."""
    count = world.centre.shape[1]
    jitter = np.minimum(rng.uniform(1.0, 3.0, count), 0.06 * np.sqrt(world.size.prod(axis=1)))
    for frame, time_s in enumerate(world.time_s.tolist()):
        boxes = world.boxes(frame) + np.tile(
            rng.normal(0.0, 1.0, (count, 2)) * jitter[:, None], (1, 2)
        )
        boxes += rng.normal(0.0, 0.5, boxes.shape) * jitter[:, None]
        boxes[:, 0::2] = boxes[:, 0::2].clip(0, world.width)
        boxes[:, 1::2] = boxes[:, 1::2].clip(0, world.height)
        confidence = np.where(rng.random(count) < 0.1, 0.2, rng.uniform(0.5, 0.95, count))
        classes = np.where(rng.random(count) < 0.2, TRUCK, CAR)
        seen = world.visible[frame] & (rng.random(count) >= missed)
        again = seen & (rng.random(count) < twins)
        alarms = int(rng.random() < false_alarms)
        false_alarm = rng.uniform(0, world.height, (alarms, 2))
        odd = np.array([[np.nan, 0, 10, 10], [50, 50, 40, 60]])
        yield (
            Detections(
                np.concatenate(
                    [
                        boxes[seen],
                        boxes[again] + rng.normal(0.0, 1.0, (again.sum(), 4)),
                        np.tile(false_alarm, (1, 2)) + np.array([0, 0, 40, 40]),
                        odd,
                    ]
                ).astype(np.float32),
                np.concatenate(
                    [confidence[seen], confidence[again] * 0.8, [0.5] * alarms, [0.9, 0.9]]
                ).astype(np.float32),
                np.concatenate(
                    [
                        classes[seen],
                        np.where(classes[again] == CAR, TRUCK, CAR),
                        [CAR] * (alarms + 2),
                    ]
                ).astype(np.int32),
                LABELS,
            ),
            time_s,
            frame,
        )
