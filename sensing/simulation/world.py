"""Everything that moves in front of one simulated camera, and what of it can be seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sensing.simulation.bodies import vehicle_mesh
from sensing.simulation.camera import PerspectiveCamera, plaza_camera, road_camera
from sensing.simulation.crowd import plaza_paths, plaza_period
from sensing.simulation.paths import Floats, Path
from sensing.simulation.persons import person_of
from sensing.simulation.spec import SimulationSpec
from sensing.simulation.traffic import road_paths, road_period

MIN_SIDE_PX = 3.0


@dataclass(frozen=True)
class Stretch:
    """A path from its appearance in the clip to its end or the clip's: one track for a viewer.

    A path that goes on over the loop's seam is two stretches, because the clip itself does not say
    that they are one; a path longer than the loop is seen in several stretches at once.
    """

    track: int
    first_frame: int
    number: int
    """Of the path in the world."""
    indices: NDArray[np.int64]
    """Into the path's arrays, one a frame from ``first_frame`` on."""


@dataclass(frozen=True)
class World:
    """Camera and paths; the world repeats after ``period`` frames, the clip shows ``frames``."""

    spec: SimulationSpec
    camera: PerspectiveCamera
    paths: tuple[Path, ...]
    period: int

    @property
    def frames(self) -> int:
        return self.spec.frames

    @cached_property
    def boxes(self) -> tuple[Floats, ...]:
        """Per path (T, 4) xyxy in pixels, cut at the picture's edges; NaN where nothing shows."""
        return tuple(self._boxes(path) for path in self.paths)

    def _boxes(self, path: Path) -> Floats:
        pixels, depth = self.camera.project(_world_outline(path))
        low, high = pixels.min(axis=1), pixels.max(axis=1)
        size = np.array([self.camera.width, self.camera.height], dtype=np.float64)
        boxes = np.hstack([np.clip(low, 0, size), np.clip(high, 0, size)])
        hidden = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) < MIN_SIDE_PX
        boxes[hidden | (depth.min(axis=1) < 1.0)] = np.nan
        return boxes

    def outline(self, path: Path, index: int) -> Floats:
        """(V, 2) pixels whose convex hull is the object's silhouette on one frame."""
        pixels, _ = self.camera.project(_world_outline(path, slice(index, index + 1))[0])
        return pixels

    @cached_property
    def _schedule(self) -> list[list[tuple[int, int]]]:
        eye = self.camera.position[:2]
        away = [np.hypot(*(path.positions - eye).T) for path in self.paths]
        schedule: list[list[tuple[int, int]]] = [[] for _ in range(self.period)]
        for number, path in enumerate(self.paths):
            for index in range(len(path.positions)):
                schedule[(path.first_frame + index) % self.period].append((number, index))
        for here in schedule:
            here.sort(key=lambda at: -float(away[at[0]][at[1]]))
        return schedule

    def shown(self, frame: int) -> list[tuple[int, int]]:
        """(path number, index in it) of all objects on a frame, the farthest first."""
        return self._schedule[frame % self.period]

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """What the clip shows of each path, in order of appearance; tracks count from 1."""
        found = []
        for number, path in enumerate(self.paths):
            length = len(path.positions)
            first = (path.first_frame + length - 1) % self.period - length + 1
            while first < self.frames:
                begin, end = max(0, -first), min(length, self.frames - first)
                if end > begin:
                    found.append((first + begin, number, np.arange(begin, end)))
                first += self.period
        found.sort(key=lambda stretch: stretch[:2])
        return tuple(Stretch(track, *stretch) for track, stretch in enumerate(found, 1))

    def turned(self, frames: int) -> World:
        """The same world with the clip's first frame moved ``frames`` later in the loop."""
        paths = tuple(replace(path, first_frame=path.first_frame - frames) for path in self.paths)
        return replace(self, paths=paths)


def _world_outline(path: Path, part: slice | None = None) -> Floats:
    """(T, V, 3) metres."""
    part = part or slice(None)
    body = _envelope(path)
    cos, sin = np.cos(path.heading[part])[:, None], np.sin(path.heading[part])[:, None]
    x = body[:, 0] * cos - body[:, 1] * sin + path.positions[part, 0, None]
    y = body[:, 0] * sin + body[:, 1] * cos + path.positions[part, 1, None]
    return np.stack([x, y, np.broadcast_to(body[:, 2], x.shape)], axis=-1)


def _envelope(path: Path) -> Floats:
    return person_of(path.look).outline if path.body == "person" else vehicle_mesh(path.body).hull


def build_world(spec: SimulationSpec) -> World:
    if spec.kind == "plaza":
        camera = plaza_camera(spec.width, spec.height)
        return World(spec, camera, tuple(plaza_paths(spec)), plaza_period(spec))
    camera = road_camera(spec.width, spec.height)
    return World(spec, camera, tuple(road_paths(spec)), road_period(spec))
