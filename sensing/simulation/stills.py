"""Single pictures of a simulated camera with everything that can be seen on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from sensing.simulation.clip import staged_world
from sensing.simulation.film import Film
from sensing.simulation.paths import Floats
from sensing.simulation.spec import SimulationSpec
from sensing.simulation.sprites import Picture
from sensing.simulation.street import parked_cars
from sensing.simulation.truth import MIN_VISIBLE, visible_share
from sensing.simulation.world import World


@dataclass(frozen=True, slots=True)
class StillBox:
    """An object's class and corners in 0–1. ``hidden``: nearer objects leave less of it to be seen
    than anybody could tell from the picture."""

    object_class: str
    xyxy: tuple[float, float, float, float]
    hidden: bool


@dataclass(frozen=True, slots=True)
class Still:
    """``picture`` is (H, W, 3) BGR."""

    picture: Picture
    boxes: tuple[StillBox, ...]


def shown_classes(spec: SimulationSpec) -> tuple[str, ...]:
    """Every class that this clip shows at some time."""
    world, _ = staged_world(spec)
    parked = {car.object_class for car in parked_cars(spec.seed)} if spec.kind == "road" else set()
    return tuple(sorted(parked | {path.object_class for path in world.paths}))


def stills(spec: SimulationSpec, count: int) -> Iterator[Still]:
    """At most ``count`` frames, spread evenly over the clip; fewer where the clip is shorter."""
    world, _ = staged_world(spec)
    film = Film(world)
    standing = _standing(world)
    for frame in np.unique(np.linspace(0, world.frames - 1, count).astype(int)).tolist():
        yield Still(film.frame(frame), (*_moving(world, frame), *standing))


def _moving(world: World, frame: int) -> Iterator[StillBox]:
    for number, index in world.shown(frame):
        box = world.boxes[number][index]
        if np.isnan(box[0]):
            continue
        hidden = visible_share(world, frame, number, index) < MIN_VISIBLE
        yield StillBox(world.paths[number].object_class, _share(world, box), hidden)


def _standing(world: World) -> list[StillBox]:
    """Parked cars belong to the scenery of a road, and are cars nevertheless."""
    if world.spec.kind != "road":
        return []
    parked = replace(world, paths=tuple(parked_cars(world.spec.seed)))
    return [
        StillBox(path.object_class, _share(world, boxes[0]), hidden=False)
        for path, boxes in zip(parked.paths, parked.boxes, strict=True)
        if not np.isnan(boxes[0][0])
    ]


def _share(world: World, box: Floats) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (box / np.array([world.camera.width, world.camera.height] * 2)).tolist()
    return x1, y1, x2, y2
