"""Tracks written down by hand: a list of (time, {track id: centre}) becomes what a tracker hands
over."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sensing.domain.counting import LineCounter
from sensing.domain.results import Crossing
from sensing.domain.scene import CountingLine
from sensing.domain.tracking import Tracks

LABELS = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
WIDTH, HEIGHT = 1000, 1000
Point = tuple[float, float]
Frame = tuple[float, Mapping[int, Point]]

ACROSS = CountingLine("a", "a", (0.2, 0.5), (0.8, 0.5))


def tracks(
    centres: Mapping[int, Point],
    time_s: float,
    *,
    size: tuple[float, float] = (60.0, 40.0),
    label: str = "car",
    first_seen_s: Mapping[int, float] | None = None,
    unseen: Iterable[int] = (),
) -> Tracks:
    """Confirmed tracks with these centres; those ``unseen`` are coasting."""
    ids = sorted(centres)
    middle = np.array([centres[i] for i in ids], np.float64).reshape(-1, 2)
    lost = set(unseen)
    found = tracks_at(middle, time_s, size=size, label=label)
    return dataclasses.replace(
        found,
        track_id=np.array(ids, np.int64),
        observed=np.array([i not in lost for i in ids], np.bool_),
        first_seen_s=np.array([(first_seen_s or {}).get(i, time_s) for i in ids], np.float64),
    )


def tracks_at(
    middle: NDArray[np.float64],
    time_s: float,
    *,
    size: tuple[float, float] = (60.0, 40.0),
    label: str = "car",
) -> Tracks:
    """Confirmed tracks 1, 2, 3… with these centres (N, 2)."""
    half, count = np.array(size) / 2, len(middle)
    return Tracks(
        track_id=np.arange(1, count + 1),
        xyxy=np.concatenate([middle - half, middle + half], axis=1).astype(np.float32),
        confidence=np.full(count, 0.9, np.float32),
        class_id=np.full(count, LABELS.index(label), np.int32),
        labels=LABELS,
        observed=np.ones(count, np.bool_),
        first_seen_s=np.full(count, time_s),
    )


def straight(
    start: Point, end: Point, steps: int, fps: float = 10.0, track: int = 1
) -> list[Frame]:
    """One object on a straight way in even steps."""
    points = np.linspace(start, end, steps)
    return [(i / fps, {track: (float(x), float(y))}) for i, (x, y) in enumerate(points)]


def through(points: Sequence[Point], fps: float = 10.0, track: int = 1) -> list[Frame]:
    """One object seen at exactly these points."""
    return [(i / fps, {track: point}) for i, point in enumerate(points)]


def count(
    frames: Iterable[Frame],
    line: CountingLine = ACROSS,
    *,
    size: tuple[float, float] = (60.0, 40.0),
    finish: bool = True,
) -> list[Crossing]:
    """All crossings of these frames."""
    counter = LineCounter([line], WIDTH, HEIGHT)
    found: list[Crossing] = []
    for index, (time_s, centres) in enumerate(frames):
        found += counter.update(tracks(centres, time_s, size=size), time_s, index)
    return found + (counter.finish() if finish else [])
