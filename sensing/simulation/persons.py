"""A walking person's proportions, clothes and joints. Body coordinates: forward, left, up (m)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sensing.simulation.paths import Floats

Colour = tuple[float, float, float]
# BGR albedo
_COATS: tuple[Colour, ...] = (
    (0.08, 0.08, 0.09), (0.20, 0.14, 0.10), (0.11, 0.10, 0.36), (0.34, 0.20, 0.10),
    (0.16, 0.24, 0.14), (0.50, 0.50, 0.50), (0.70, 0.70, 0.68), (0.14, 0.40, 0.52),
    (0.30, 0.30, 0.31), (0.22, 0.34, 0.46), (0.28, 0.16, 0.30),
)  # fmt: skip
_TROUSERS: tuple[Colour, ...] = (
    (0.16, 0.10, 0.07), (0.06, 0.06, 0.06), (0.28, 0.17, 0.10), (0.20, 0.26, 0.32),
    (0.15, 0.15, 0.15),
)  # fmt: skip
_SKINS: tuple[Colour, ...] = (
    (0.34, 0.42, 0.58), (0.26, 0.34, 0.48), (0.14, 0.19, 0.29), (0.38, 0.46, 0.62),
)  # fmt: skip
_HAIRS: tuple[Colour, ...] = (
    (0.03, 0.03, 0.04), (0.05, 0.08, 0.13), (0.18, 0.28, 0.38), (0.32, 0.33, 0.34),
)  # fmt: skip
SHOE: Colour = (0.05, 0.05, 0.06)
RING = 10
"""Corners of a cross-section of the torso."""

HIPS, KNEES, ANKLES, TOES, SHOULDERS, ELBOWS, HANDS = (slice(i, i + 2) for i in range(0, 14, 2))
NECK, HEAD, HAIR, FACE = 14, 15, 16, 17
BAG = slice(18, 22)
TORSO = 22
"""Rows of the joint table: left and right of each limb, then the head, the bag and the torso."""


@dataclass(frozen=True)
class Person:
    """What stays the same over a walk."""

    height_m: float
    coat: Colour
    trousers: Colour
    skin: Colour
    hair: Colour
    girth: float
    bag: bool
    torso: Floats
    """(rings, RING, 3) the coat from its hem to the neck."""
    torso_normals: Floats
    """(rings - 1, RING, 3) outward."""
    outline: Floats
    """(V, 3) corners round everything that is drawn: the truth's box is round these."""


@lru_cache(maxsize=4096)
def person_of(look: int) -> Person:
    """The person of a path's look."""
    rng = np.random.default_rng(look)

    def one(colours: tuple[Colour, ...]) -> Colour:
        return colours[int(rng.integers(len(colours)))]

    coat, trousers, skin, hair = one(_COATS), one(_TROUSERS), one(_SKINS), one(_HAIRS)
    height = float(np.clip(rng.normal(1.71, 0.08), 1.5, 1.92))
    hem = float(rng.choice([0.46, 0.46, 0.44, 0.30]))
    girth = float(rng.uniform(0.92, 1.12))
    torso, normals = _torso(height, girth, hem)
    bag = bool(rng.random() < 0.3)
    return Person(
        height, coat, trousers, skin, hair, girth, bag, torso, normals, _outline(height, girth)
    )


def _rings(shares: tuple[tuple[float, float, float], ...], height: float, girth: float) -> Floats:
    """Ellipses at shares of the height with half axes fore and aft, and to the sides."""
    angles = np.linspace(0, 2 * np.pi, RING, endpoint=False)
    return np.array(
        [
            [(fore * math.cos(a), side * girth * math.sin(a), share * height) for a in angles]
            for share, fore, side in shares
        ]
    )


def _torso(height: float, girth: float, hem: float) -> tuple[Floats, Floats]:
    rings = _rings(
        ((hem, 0.135, 0.185), (0.60, 0.115, 0.165), (0.74, 0.13, 0.20), (0.81, 0.10, 0.19),
         (0.85, 0.05, 0.07)), height, girth,
    )  # fmt: skip
    angles = (np.arange(RING) + 0.5) * 2 * np.pi / RING
    rise = np.array([0.1, 0.1, 0.75, 0.9])[:, None]
    normals = np.stack(
        np.broadcast_arrays(np.cos(angles)[None], np.sin(angles)[None], rise), axis=-1
    )
    return rings, normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def _outline(height: float, girth: float) -> Floats:
    rings = _rings(
        ((0.0, 0.38, 0.16), (0.05, 0.46, 0.17), (0.46, 0.24, 0.27), (0.80, 0.16, 0.25),
         (0.93, 0.13, 0.12), (1.0, 0.07, 0.07)), height, girth,
    )  # fmt: skip
    return rings.reshape(-1, 3)


@lru_cache(maxsize=256)  # the shadow and the body of one frame ask for the same
def joints(look: int, travelled_m: float, speed_mps: float) -> Floats:
    """(TORSO + torso corners, 3) all points of the body in one table, by the row names above.

    The legs swing with the way travelled, so feet do not slide; they rest when the person stands.
    """
    person = person_of(look)
    h = person.height_m
    phase = 2 * math.pi * travelled_m / (0.82 * h)  # two steps per turn
    swing = 0.44 * min(1.0, speed_mps / 1.3)
    bob = 0.025 * h * swing * math.cos(2 * phase)
    table = np.zeros((TORSO, 3))
    for side, at in ((0, phase), (1, phase + math.pi)):
        sign = 1 - 2 * side
        thigh = swing * math.sin(at)
        shin = thigh - swing * 1.7 * max(0.0, math.cos(at)) ** 2 - 0.05
        hip = (0.0, sign * 0.09 * person.girth, 0.51 * h + bob)
        knee = _hang(hip, thigh, 0.245 * h)
        ankle = _hang(knee, shin, 0.235 * h)
        arm = -0.75 * swing * math.sin(at)
        shoulder = (0.0, sign * 0.195 * person.girth, 0.80 * h + bob)
        elbow = _hang(shoulder, arm, 0.175 * h)
        hand = _hang(elbow, arm + 0.18 + 0.5 * swing, 0.165 * h)
        ankle = (ankle[0], ankle[1], max(0.05, ankle[2]))
        toe = (ankle[0] + 0.16, ankle[1], max(0.03, ankle[2] - 0.03))
        table[side:14:2] = (hip, knee, ankle, toe, shoulder, elbow, hand)
    head = 0.925 * h + bob
    table[NECK:TORSO] = (
        (0.0, 0.0, 0.84 * h), (0.03, 0.0, head), (-0.03, 0.0, head + 0.035),
        (0.08, 0.0, head - 0.03), (-0.17, -0.14, 0.56 * h), (-0.17, 0.14, 0.56 * h),
        (-0.17, 0.14, 0.78 * h), (-0.17, -0.14, 0.78 * h),
    )  # fmt: skip
    return np.concatenate([table, person.torso.reshape(-1, 3)])


def _hang(
    joint: tuple[float, float, float], angle: float, length: float
) -> tuple[float, float, float]:
    return joint[0] + length * math.sin(angle), joint[1], joint[2] - length * math.cos(angle)
