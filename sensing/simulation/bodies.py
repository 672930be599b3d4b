"""Shapes of vehicles as polygons: x forward, y to the left, z up, metres, origin on the ground
below the middle. Curved skins are lofted between cross-sections; boxes and wheels are added."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np

from sensing.simulation.paths import Floats

PAINT, GLASS, BLACK, HEADLIGHT, TAILLIGHT, METAL, CARGO, TYRE, SKIN, CLOTH, PLATE = range(11)
Section = tuple[float, float, float, float, float]
"""x, half width at the belt, height of the belt, half width of the roof, height of the roof."""


@dataclass(frozen=True)
class Mesh:
    """Polygons with one material each. ``part`` orders what lies inside or on top of what: polygons
    of a higher layer are drawn after those of a lower one."""

    vertices: Floats  # (V, 3)
    hull: Floats  # (H, 3) each place of a vertex once: its silhouette is their convex hull
    faces: tuple[tuple[int, ...], ...]
    normals: Floats  # (F, 3)
    centres: Floats  # (F, 3)
    materials: tuple[int, ...]
    layers: tuple[int, ...]


@dataclass
class _Builder:
    vertices: list[tuple[float, float, float]] = field(default_factory=list)
    faces: list[tuple[int, ...]] = field(default_factory=list)
    materials: list[int] = field(default_factory=list)
    layers: list[int] = field(default_factory=list)

    def polygon(
        self, points: Iterable[tuple[float, float, float]], material: int, layer: int = 0
    ) -> None:
        first = len(self.vertices)
        self.vertices.extend(points)
        self.faces.append(tuple(range(first, len(self.vertices))))
        self.materials.append(material)
        self.layers.append(layer)

    def mirrored(
        self, points: list[tuple[float, float, float]], material: int, layer: int = 0
    ) -> None:
        """A polygon on the left side and its image on the right, wound so both face outwards."""
        self.polygon(points, material, layer)
        self.polygon([(x, -y, z) for x, y, z in reversed(points)], material, layer)

    def box(
        self,
        x: tuple[float, float],
        half_width: float,
        z: tuple[float, float],
        material: int,
        layer: int = 0,
    ) -> None:
        (x0, x1), w, (z0, z1) = x, half_width, z
        self.mirrored([(x0, w, z0), (x0, w, z1), (x1, w, z1), (x1, w, z0)], material, layer)
        self.polygon([(x0, -w, z1), (x1, -w, z1), (x1, w, z1), (x0, w, z1)], material, layer)
        self.polygon([(x1, -w, z0), (x1, w, z0), (x1, w, z1), (x1, -w, z1)], material, layer)
        self.polygon([(x0, -w, z0), (x0, -w, z1), (x0, w, z1), (x0, w, z0)], material, layer)

    def wheels(
        self, axles: Iterable[float], radius: float, half_width: float, layer: int = 2
    ) -> None:
        angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        for x in axles:
            for scale, material, out in (
                (1.12, BLACK, 0.0),
                (1.0, TYRE, 0.01),
                (0.58, METAL, 0.02),
            ):
                rim = [
                    (
                        x + radius * scale * float(np.cos(a)),
                        half_width + out,
                        max(0.0, radius + radius * scale * float(np.sin(a))),
                    )
                    for a in -angles
                ]
                self.mirrored(rim, material, layer)

    def mesh(self) -> Mesh:
        vertices = np.array(self.vertices)
        normals, centres = [], []
        for face in self.faces:
            corners = vertices[list(face)]
            # Newell's formula: right also for polygons with repeated corners
            following = np.roll(corners, -1, axis=0)
            normal = np.cross(corners, following).sum(axis=0)
            normals.append(normal / max(float(np.linalg.norm(normal)), 1e-9))
            centres.append(corners.mean(axis=0))
        return Mesh(
            vertices,
            np.unique(vertices, axis=0),
            tuple(self.faces),
            np.array(normals),
            np.array(centres),
            tuple(self.materials),
            tuple(self.layers),
        )


def _loft(builder: _Builder, sections: list[Section], sill: float, glazed: set[int]) -> None:
    """Skin through the sections from rear to front. ``glazed``: segments whose side above the belt
    is a window. A segment whose roof rises or falls steeply is a screen, so its top is glass."""
    rows = [_outline(section, sill) for section in sections]
    for i, (rear, front) in enumerate(pairwise(rows)):
        slope = abs(sections[i + 1][4] - sections[i][4]) / (sections[i + 1][0] - sections[i][0])
        # A bonnet is steep too, but there is no cabin at either end of it.
        cabin = max(sections[i][4] - sections[i][2], sections[i + 1][4] - sections[i + 1][2])
        screen = slope > 0.42 and cabin > 0.3
        for r in range(len(rear) - 1):
            glass = (r == 3 and i in glazed) or (screen and r >= 3)
            quad = [rear[r], rear[r + 1], front[r + 1], front[r]]
            builder.mirrored(quad, GLASS if glass else PAINT)
    for row, sign in ((rows[0], -1), (rows[-1], 1)):
        ring = row + [(x, -y, z) for x, y, z in reversed(row)]
        builder.polygon(ring if sign > 0 else ring[::-1], PAINT)


def _outline(section: Section, sill: float) -> list[tuple[float, float, float]]:
    """Left half of a cross-section from the sill up to the middle of the roof."""
    x, half, belt, roof_half, roof = section
    return [
        (x, half - 0.10, sill),
        (x, half, sill + 0.22),
        (x, half, belt - 0.08),
        (x, half - 0.05, belt),
        (x, roof_half, roof - 0.04),
        (x, 0.0, roof),
    ]


def _lights(
    builder: _Builder,
    front: float,
    rear: float,
    half: float,
    *,
    z: tuple[float, float],
    wide: float,
) -> None:
    for sign in (1, -1):
        inner, outer = sign * (half - wide), sign * (half - 0.04)
        y0, y1 = min(inner, outer), max(inner, outer)
        builder.polygon(
            [(front, y0, z[0]), (front, y1, z[0]), (front, y1, z[1]), (front, y0, z[1])],
            HEADLIGHT,
            1,
        )
        builder.polygon(
            [(rear, y0, z[0]), (rear, y0, z[1]), (rear, y1, z[1]), (rear, y1, z[0])], TAILLIGHT, 1
        )


def _plates(builder: _Builder, front: float, rear: float, z: float) -> None:
    for x, sign in ((front, 1), (rear, -1)):
        ring = [(x, -0.26, z), (x, 0.26, z), (x, 0.26, z + 0.12), (x, -0.26, z + 0.12)]
        builder.polygon(ring if sign > 0 else ring[::-1], PLATE, 1)


def _car(
    length: float, width: float, roof: float, cabin: tuple[float, float, float, float]
) -> Mesh:
    """``cabin``: where rear screen, roof, windscreen and bonnet begin, as shares from the rear."""
    builder, half, end = _Builder(), width / 2, length / 2
    tail, roof_begin, roof_end, bonnet = (-end + share * length for share in cabin)
    belt = 0.56 * roof + 0.08
    cap, inner = belt - 0.05, 0.72 * half
    middle = 0.55 * roof_begin + 0.45 * roof_end
    sections: list[Section] = [
        (-end, half - 0.16, belt - 0.12, half - 0.22, cap),
        (tail - 0.02, half - 0.03, belt, half - 0.14, belt + 0.02),
        (roof_begin, half, belt, inner, roof - 0.03),
        (middle, half, belt, inner, roof),
        (roof_end, half, belt, inner, roof - 0.03),
        (bonnet, half, belt, half - 0.16, belt + 0.03),
        (end - 0.35, half - 0.06, belt - 0.14, half - 0.24, cap - 0.10),
        (end, half - 0.24, 0.66, half - 0.36, 0.64),
    ]
    _loft(builder, sections, 0.2, {1, 2, 3, 4})
    _lights(builder, end + 0.01, -end - 0.01, half - 0.14, z=(0.52, 0.66), wide=0.42)
    builder.polygon(
        [
            (end + 0.01, -0.4, 0.36),
            (end + 0.01, 0.4, 0.36),
            (end + 0.01, 0.4, 0.5),
            (end + 0.01, -0.4, 0.5),
        ],
        BLACK,
        1,
    )
    _plates(builder, end + 0.02, -end - 0.02, 0.44)
    builder.wheels((-0.3 * length, 0.32 * length), 0.33, half)
    return builder.mesh()


def _van(length: float, width: float, roof: float) -> Mesh:
    builder, half, end = _Builder(), width / 2, length / 2
    belt, inner = 1.15, half - 0.14
    sections: list[Section] = [
        (-end, half - 0.04, belt, inner, roof - 0.02),
        (-0.05 * length, half, belt, inner, roof),
        (0.22 * length, half, belt, inner, roof - 0.03),
        (0.38 * length, half, belt, half - 0.14, belt + 0.10),
        (end - 0.1, half - 0.08, 0.92, half - 0.22, 0.94),
        (end, half - 0.18, 0.7, half - 0.3, 0.72),
    ]
    _loft(builder, sections, 0.24, {2})
    builder.mirrored(
        [
            (0.06 * length, half - 0.05, belt + 0.06),
            (0.06 * length, inner + 0.03, roof - 0.3),
            (0.2 * length, inner + 0.03, roof - 0.3),
            (0.2 * length, half - 0.05, belt + 0.06),
        ],
        GLASS,
        1,
    )
    for sign in (-1, 1):
        y0, y1 = sorted((sign * 0.08, sign * (inner - 0.12)))
        x = -end - 0.01
        builder.polygon(
            [(x, y0, 1.3), (x, y0, roof - 0.28), (x, y1, roof - 0.28), (x, y1, 1.3)], GLASS, 1
        )
    _lights(builder, end + 0.01, -end - 0.02, half - 0.1, z=(0.62, 0.86), wide=0.3)
    _plates(builder, end + 0.02, -end - 0.03, 0.46)
    builder.wheels((-0.3 * length, 0.33 * length), 0.35, half)
    return builder.mesh()


def _bus(length: float, width: float, roof: float) -> Mesh:
    builder, half, end = _Builder(), width / 2, length / 2
    builder.box((-end, end), half, (0.32, roof - 0.12), PAINT)
    builder.box((-end + 0.08, end - 0.1), half - 0.1, (roof - 0.12, roof), CARGO)
    builder.box((-0.3 * length, 0.1 * length), half - 0.5, (roof, roof + 0.18), METAL, 1)
    panes = np.linspace(-end + 0.35, end - 0.9, 8)
    for x0, x1 in pairwise(panes.tolist()):
        pane = [(x0 + 0.07, 1.25), (x0 + 0.07, 2.45), (x1 - 0.07, 2.45), (x1 - 0.07, 1.25)]
        builder.mirrored([(x, half + 0.01, z) for x, z in pane], GLASS, 1)
    for x, sign, low in ((end + 0.01, 1, 0.95), (-end - 0.01, -1, 1.5)):
        w = half - 0.12
        ring = [(x, -w, low), (x, w, low), (x, w, 2.5), (x, -w, 2.5)]
        builder.polygon(ring if sign > 0 else ring[::-1], GLASS, 1)
    builder.polygon(
        [(end + 0.015, y, z) for y, z in ((-0.8, 2.58), (0.8, 2.58), (0.8, 2.84), (-0.8, 2.84))],
        BLACK,
        1,
    )
    _lights(builder, end + 0.01, -end - 0.01, half, z=(0.55, 0.8), wide=0.5)
    builder.wheels((-0.26 * length, 0.29 * length), 0.48, half)
    return builder.mesh()


def _truck(length: float, width: float, roof: float) -> Mesh:
    builder, half, end = _Builder(), width / 2, length / 2
    cab = end - 1.9
    builder.box((-end + 0.2, end - 0.3), half - 0.25, (0.45, 0.95), BLACK, 0)
    builder.box((-end, cab - 0.25), half, (0.95, roof), CARGO, 1)
    sections: list[Section] = [
        (cab, half - 0.08, 1.45, half - 0.18, 2.62),
        (end - 0.75, half - 0.06, 1.45, half - 0.18, 2.66),
        (end - 0.22, half - 0.08, 1.45, half - 0.2, 2.45),
        (end, half - 0.1, 1.42, half - 0.14, 1.5),
    ]
    front = _Builder()
    _loft(front, sections, 0.42, {1, 2})
    for face, material in zip(front.faces, front.materials, strict=True):
        builder.polygon([front.vertices[i] for i in face], material, 1)
    _lights(builder, end + 0.01, -end - 0.01, half - 0.1, z=(0.62, 0.84), wide=0.4)
    builder.polygon(
        [(end + 0.01, y, z) for y, z in ((-0.75, 0.9), (0.75, 0.9), (0.75, 1.25), (-0.75, 1.25))],
        BLACK,
        2,
    )
    builder.wheels((-0.28 * length, 0.36 * length), 0.5, half - 0.06, 2)
    return builder.mesh()


def _motorcycle() -> Mesh:
    builder = _Builder()
    builder.wheels((-0.72, 0.74), 0.32, 0.07, 0)
    builder.box((-0.75, 0.55), 0.14, (0.4, 0.78), PAINT, 1)
    builder.box((-0.9, -0.1), 0.15, (0.74, 0.86), BLACK, 1)
    builder.box((0.5, 0.72), 0.18, (0.62, 1.02), PAINT, 1)
    builder.box((0.42, 0.5), 0.38, (0.98, 1.04), BLACK, 1)
    builder.mirrored(
        [(-0.3, 0.2, 0.4), (-0.25, 0.24, 0.84), (0.2, 0.24, 0.86), (0.15, 0.2, 0.4)], CLOTH, 2
    )
    torso: list[Section] = [
        (-0.48, 0.2, 0.95, 0.16, 1.12),
        (-0.3, 0.24, 1.2, 0.2, 1.38),
        (-0.02, 0.23, 1.22, 0.18, 1.42),
        (0.1, 0.16, 1.18, 0.12, 1.3),
    ]
    rider = _Builder()
    _loft(rider, torso, 0.72, set())
    for face in rider.faces:
        builder.polygon([rider.vertices[i] for i in face], CLOTH, 2)
    builder.mirrored(
        [(-0.1, 0.26, 1.25), (0.0, 0.26, 1.35), (0.5, 0.36, 1.06), (0.44, 0.36, 0.98)], CLOTH, 3
    )
    builder.box((-0.12, 0.14), 0.12, (1.38, 1.62), SKIN, 3)
    _lights(builder, 0.73, -0.91, 0.14, z=(0.74, 0.9), wide=0.13)
    return builder.mesh()


@cache
def vehicle_mesh(body: str) -> Mesh:
    """The shape of a vehicle model of ``traffic.MODELS``."""
    return _SHAPES[body]()


_SHAPES: Final = {
    "hatchback": lambda: _car(4.0, 1.76, 1.50, (0.04, 0.20, 0.56, 0.76)),
    "saloon": lambda: _car(4.7, 1.82, 1.44, (0.14, 0.32, 0.56, 0.73)),
    "suv": lambda: _car(4.5, 1.90, 1.68, (0.03, 0.14, 0.57, 0.74)),
    "estate": lambda: _car(4.6, 1.80, 1.48, (0.03, 0.13, 0.56, 0.74)),
    "van": lambda: _van(5.3, 1.98, 2.10),
    "truck": lambda: _truck(8.2, 2.50, 3.35),
    "bus": lambda: _bus(11.8, 2.55, 3.05),
    "motorcycle": _motorcycle,
}
