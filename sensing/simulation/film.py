"""Puts a world's frames together: static background, shadows, bodies, lights, air, camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sensing.simulation import square, street
from sensing.simulation.figures import FigureArtist
from sensing.simulation.lamps import Lamps
from sensing.simulation.lighting import Lighting, lighting_of
from sensing.simulation.paths import Path
from sensing.simulation.scenery import Scenery
from sensing.simulation.sprites import Picture
from sensing.simulation.vehicles import VehicleArtist
from sensing.simulation.weather import effects_of
from sensing.simulation.world import World


class Film:
    """Renders the frames of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        spec, light = world.spec, lighting_of(world.spec)
        on_road = spec.kind == "road"
        self.light = replace(light, street_lamps=street.LAMPS if on_road else square.LAMPS)
        paint = street.street if on_road else square.square
        scenery = paint(world.camera, self.light, spec.seed)
        self.artist: VehicleArtist | FigureArtist = (
            VehicleArtist(world.camera, self.light)
            if on_road
            else FigureArtist(world.camera, self.light, scenery.stands_before())
        )
        self.lamps = _lamps(world, self.light, scenery)
        self.background = scenery.develop(self.light)
        if on_road:
            parked = sorted(
                street.parked_cars(spec.seed), key=lambda car: -float(car.positions[0, 1])
            )
            self._draw(self.background, [(car, 0) for car in parked], shining=False)
        if self.lamps is not None:
            self.lamps.street_lamps(self.background, self.light.street_lamps)
        self.effects = effects_of(spec, self.light)

    def frames(self) -> Iterator[Picture]:
        """(H, W, 3) BGR, a new array each."""
        for number in range(self.world.frames):
            yield self.frame(number)

    def frame(self, number: int) -> Picture:
        frame = self.background.copy()
        shown = [(self.world.paths[i], at) for i, at in self.world.shown(number)]
        self._draw(frame, shown, shining=self.world.spec.kind == "road")
        for effect in self.effects:
            effect.apply(frame, number)
        return frame

    def _draw(self, frame: Picture, shown: list[tuple[Path, int]], *, shining: bool) -> None:
        lamps = self.lamps if shining else None
        for path, index in shown:
            if lamps is not None:
                lamps.beam(frame, path, index)
            self.artist.shadow(frame, path, index)
        for path, index in shown:
            self.artist.body(frame, path, index)
            if lamps is not None:
                lamps.glare(frame, path, index)


def _lamps(world: World, light: Lighting, scenery: Scenery) -> Lamps | None:
    if not light.lamps:
        return None
    lit = replace(
        light, sun=light.sun * 0, sky=np.full(3, 0.75), bounce=np.full(3, 0.75), lamps=False
    )
    strength = 0.55 if world.spec.time == "dusk" else 1.0
    return Lamps(world.camera, scenery.develop(lit), strength, light.wet)
