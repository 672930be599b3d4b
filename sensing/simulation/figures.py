"""Draws persons: limbs as rounded strokes, the coat as a shaded body, a soft shadow."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from sensing.simulation import persons
from sensing.simulation.camera import PerspectiveCamera
from sensing.simulation.lighting import Lighting
from sensing.simulation.paths import Floats, Path
from sensing.simulation.persons import RING, TORSO, joints, person_of
from sensing.simulation.sprites import SHIFT, Easel, Picture, bounds_of, darken, lay_over

BGR = tuple[float, float, float]
_CHAINS = [[side, side + 2, side + 4] for side in (0, 1)] + [
    [side + 8, side + 10, side + 12] for side in (0, 1)
]
_FACES = np.arange(4 * RING)
_NEXT = _FACES - _FACES % RING + (_FACES + 1) % RING
_QUADS = TORSO + np.stack([_FACES, _NEXT, _NEXT + RING, _FACES + RING], axis=1)
"""(faces, 4) rows of the joint table round each face of the coat."""
_FIRST_COAT = 18
"""Row of the first coat face in a figure's colours, after three tones of six parts."""
_DARK = (0.0, -0.6, 0.2)
_BRIGHT = (0.35, -0.55, 0.75)
_TOP = (0.2, -0.5, 0.75)
_TONES = np.tile([np.array(v) / np.linalg.norm(v) for v in (_DARK, _BRIGHT, _TOP)], (6, 1))


class FigureArtist:
    """Draws the persons of one camera; ``standing`` is the (H, W) distance of what hides them."""

    def __init__(
        self, camera: PerspectiveCamera, light: Lighting, standing: NDArray[np.float32]
    ) -> None:
        self.camera, self.light, self.standing = camera, light, standing

    def shadow(self, frame: Picture, path: Path, index: int) -> None:
        table = joints(path.look, float(path.travelled_m[index]), float(path.speed_mps[index]))[
            :TORSO
        ]
        world = stand(table, path, index)
        reach = self.light.to_sun[:2] / self.light.to_sun[2]
        flat = np.column_stack([world[:, :2] - world[:, 2:] * reach, np.zeros(len(world))])
        foot = np.array([[*path.positions[index], 0.0]])
        ground, depth = self.camera.project(np.concatenate([flat, foot]))
        if depth.min() < 2:
            return
        unit = self.camera.focal_px / float(depth[-1])
        margin = 4 + round(0.3 * unit)
        bounds = bounds_of(ground, self.camera.width, self.camera.height, margin)
        if bounds is not None:
            mask = self._shadow_mask(
                ground - bounds[:2], bounds[3] - bounds[1], bounds[2] - bounds[0], unit
            )
            darken(frame, bounds, mask, 1.0)

    def _shadow_mask(self, ground: Floats, height: int, width: int, unit: float) -> Picture:
        """Limbs as soft strokes on the ground, and the dark spot between the feet."""
        mask: Picture = np.zeros((height, width), np.uint8)
        at = np.rint((ground - 0.5) * (1 << SHIFT)).astype(np.int32)
        spine = np.stack([at[:2].mean(axis=0), at[8:10].mean(axis=0), at[persons.HEAD]])
        thin, thick = max(1, round(0.12 * unit)), max(1, round(0.34 * unit))
        chains = [at[chain] for chain in _CHAINS]
        cv2.polylines(mask, chains, False, 255.0, thin, cv2.LINE_AA, SHIFT)
        cv2.polylines(mask, [spine.astype(np.int32)], False, 255.0, thick, cv2.LINE_AA, SHIFT)
        cv2.convertScaleAbs(mask, dst=mask, alpha=self.light.shadow)
        spot = np.zeros_like(mask)
        size = (max(2, round(0.24 * unit)), max(1, round(0.12 * unit)))
        middle = (round(float(ground[-1, 0])), round(float(ground[-1, 1])))
        cv2.ellipse(spot, middle, size, 0, 0, 360, 110.0, -1)
        cv2.max(mask, spot, dst=mask)
        cv2.GaussianBlur(mask, (0, 0), max(0.8, self.light.blur_px * 0.8), dst=mask)
        return mask

    def body(self, frame: Picture, path: Path, index: int) -> None:
        person = person_of(path.look)
        outline, depth = self.camera.project(stand(person.outline, path, index))
        bounds = bounds_of(outline, self.camera.width, self.camera.height, 2)
        if bounds is None or depth.min() < 2:
            return
        easel = Easel(bounds)
        figure = _Figure(self.camera, self.light, easel, path, index)
        figure.draw()
        sprite = easel.sprite()
        left, top, right, bottom = bounds
        hidden = self.standing[top:bottom, left:right] < figure.distance - 0.2
        if hidden.any():
            sprite.bgra[hidden] = 0
        lay_over(frame, sprite)


class _Figure:
    """One person on one frame, on its easel. All points are projected and all colours shaded at
    once: a few large numpy calls instead of many small ones."""

    def __init__(
        self, camera: PerspectiveCamera, light: Lighting, easel: Easel, path: Path, index: int
    ) -> None:
        self.easel, self.person = easel, person_of(path.look)
        table = joints(path.look, float(path.travelled_m[index]), float(path.speed_mps[index]))
        pixels, _ = camera.project(stand(table, path, index))
        self.at = easel.place(pixels)
        where = np.array([*path.positions[index], 1.0])
        sight = camera.position - where
        self.distance = float(np.linalg.norm(sight))
        self.unit = camera.focal_px / self.distance
        self.turn = _turn(path.heading[index])
        to_eye = self.turn.T @ (sight / self.distance)
        self.near = 0 if to_eye[1] > 0 else 1
        """Row of the side, left or right, that is nearer to the camera."""
        self.faces_away = bool(to_eye[0] < 0)
        self.seen = (self.person.torso_normals @ to_eye > -0.1).ravel()
        self._shade(light, where)

    def _shade(self, light: Lighting, where: Floats) -> None:
        p = self.person
        parts = (p.trousers, p.coat, p.skin, p.hair, persons.SHOE, p.hair)
        coat = p.torso_normals.reshape(-1, 3) @ self.turn.T
        normals = np.concatenate([_TONES, coat])
        albedo = np.array([*(part for part in parts for _ in range(3)), *[p.coat] * len(coat)])
        albedo[15:18] = 0.08 + 0.4 * albedo[15:18]  # the bag: like the hair, not as bright
        shaded = light.shade(albedo, normals, np.broadcast_to(where, normals.shape))
        colours = np.clip(light.through_air(shaded, self.distance), 0, 255)
        self.colours: list[BGR] = [(b, g, r) for b, g, r in colours.tolist()]

    def _tone(self, part: int, tone: int, factor: float = 1.0) -> BGR:
        b, g, r = self.colours[3 * part + tone]
        return b * factor, g * factor, r * factor

    def draw(self) -> None:
        """From the far side to the near one."""
        far, near = 1 - self.near, self.near
        self._leg(far, 0.86)
        self._leg(near, 1.0)
        self._arm(far, 0.82)
        if self.person.bag and not self.faces_away:
            self._bag()
        self._torso()
        if self.person.bag and self.faces_away:
            self._bag()
        self._arm(near, 1.0)
        self._head()

    def _limb(self, rows: list[int], part: int, factor: float, width_m: float) -> None:
        """A rounded limb: a dark stroke and a lighter, thinner one on the side of the light."""
        placed, width = self.at[rows], width_m * self.unit
        self.easel.stroke(placed, self._tone(part, 0, factor * 0.9), width)
        offset = round(0.18 * width * self.easel.scale * (1 << SHIFT))
        self.easel.stroke(
            np.add(placed, (offset, 0), dtype=np.int32), self._tone(part, 1, factor), 0.5 * width
        )

    def _leg(self, side: int, factor: float) -> None:
        self._limb([side, side + 2, side + 4], 0, factor, 0.145 * self.person.girth)
        self._limb([side + 4, side + 6], 4, factor, 0.085)

    def _arm(self, side: int, factor: float) -> None:
        self.easel.disc(self.at[12 + side], self._tone(2, 2, factor), 0.05 * self.unit)
        self._limb([8 + side, 10 + side, 12 + side], 1, factor, 0.10 * self.person.girth)

    def _torso(self) -> None:
        seen = np.flatnonzero(self.seen)
        for quad, face in zip(self.at[_QUADS[seen]], seen.tolist(), strict=True):
            self.easel.polygon(quad, self.colours[_FIRST_COAT + face])

    def _bag(self) -> None:
        placed = self.at[persons.BAG]
        colour = self._tone(5, 2)
        self.easel.polygon(np.asarray(cv2.convexHull(placed), dtype=np.int32), colour)
        self.easel.stroke(np.concatenate([placed, placed[:1]]), colour, 0.07 * self.unit)

    def _head(self) -> None:
        at, skin = self.at, self._tone(2, 2)
        self.easel.stroke(at[[persons.NECK, persons.HEAD]], skin, 0.10 * self.unit)
        self.easel.disc(at[persons.HEAD], skin, 0.105 * self.unit)
        radius = 0.112 if self.faces_away else 0.100
        self.easel.disc(at[persons.HAIR], self._tone(3, 2), radius * self.unit)
        if not self.faces_away:
            self.easel.disc(at[persons.FACE], skin, 0.078 * self.unit)


def stand(points: Floats, path: Path, index: int) -> Floats:
    """(N, 3) body coordinates → world coordinates."""
    world: Floats = points @ _turn(path.heading[index]).T
    world[:, :2] += path.positions[index]
    return world


def _turn(heading: float) -> Floats:
    c, s = math.cos(heading), math.sin(heading)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
