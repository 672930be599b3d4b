"""Plane geometry on many points at once, in pixels; y grows downward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensing.domain.scene import Anchor, CountingLine, Zone

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def anchor_points(xyxy: ArrayLike, anchor: Anchor = "center") -> Floats:
    """The point of each box that counts, its middle or that of its foot: (N, 4) boxes → (2, N)."""
    corners = np.asarray(xyxy, np.float64).T
    points = (corners[:2] + corners[2:]) * 0.5
    if anchor == "bottom":
        points[1] = corners[3]
    return points


def box_sizes(xyxy: ArrayLike) -> Floats:
    """One length per box, (N, 4) → (N,): the side of the square of equal area, at least 1 px."""
    corners = np.asarray(xyxy, np.float64).T
    width, height = corners[2:] - corners[:2]
    sizes: Floats = np.sqrt(np.maximum(width * height, 1.0))
    return sizes


def box_overlap(first: Sequence[float], second: Sequence[float]) -> float:
    """Intersection over union of two xyxy boxes, 0–1."""
    ax1, ay1, ax2, ay2 = first
    bx1, by1, bx2, by2 = second
    shared = max(0.0, min(ax2, bx2) - max(ax1, bx1)) * max(0.0, min(ay2, by2) - max(ay1, by1))
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared
    return shared / union if union > 0.0 else 0.0


@dataclass(frozen=True)
class LineSet:
    """Oriented segments in pixels: ``start`` (L, 2), unit vector ``along`` (L, 2), ``length``
    (L,)."""

    start: Floats
    along: Floats
    length: Floats

    @cached_property
    def _normal(self) -> Floats:
        return np.stack([-self.along[:, 1], self.along[:, 0]], axis=1)

    @cached_property
    def _offset(self) -> Floats:
        offset: Floats = (self._normal * self.start).sum(axis=1)[:, None]
        return offset

    @classmethod
    def from_scene(
        cls, lines: Sequence[CountingLine], frame_width: float, frame_height: float
    ) -> LineSet:
        """Lines of a scene in the pixels of a frame."""
        scale = np.array([frame_width, frame_height], np.float64)
        start = np.array([line.p1 for line in lines], np.float64).reshape(-1, 2) * scale
        end = np.array([line.p2 for line in lines], np.float64).reshape(-1, 2) * scale
        length = np.linalg.norm(end - start, axis=1)
        return cls(start, (end - start) / np.maximum(length, 1e-9)[:, None], length)

    def signed_distance(self, points: Floats) -> Floats:
        """Distance in px of each point from each (endless) line, (2, N) → (L, N).

        Positive on the right of the arrow as seen on screen. With y downward the cross product
        along × (p − start) is positive there: below an arrow that points to the right.
        """
        distance: Floats = self._normal @ points
        distance -= self._offset
        return distance

    def across(self, velocity: Floats) -> Floats:
        """Speed towards the right of each line, (2, N) px/s → (L, N)."""
        speed: Floats = self._normal @ velocity
        return speed


@dataclass(frozen=True)
class PolygonSet:
    """Simple polygons in pixels, their edges laid end to end: ``start`` and ``end`` (E, 2), and for
    each polygon the index of its first edge, ``first`` (Z,)."""

    start: Floats
    end: Floats
    first: NDArray[np.intp]

    @classmethod
    def from_scene(
        cls, zones: Sequence[Zone], frame_width: float, frame_height: float
    ) -> PolygonSet:
        """Zones of a scene in the pixels of a frame."""
        scale = np.array([frame_width, frame_height], np.float64)
        corners = [np.asarray(zone.points, np.float64) * scale for zone in zones]
        counts = [len(points) for points in corners]
        empty = np.zeros((0, 2))
        return cls(
            np.concatenate([empty, *corners]),
            np.concatenate([empty, *(np.roll(points, -1, axis=0) for points in corners)]),
            np.cumsum([0, *counts[:-1]], dtype=np.intp)[: len(counts)],
        )

    @cached_property
    def _edges(self) -> _Edges:
        return _Edges.between(self.start, self.end)

    def signed_distance(self, points: Floats) -> Floats:
        """Distance in px of each point from each polygon's edge, (2, N) → (Z, N), positive
        inside."""
        if not len(self.first):
            return np.zeros((0, points.shape[1]))
        x, y = self._edges.offsets(points)
        distance = self._distance(x, y)
        signed: Floats = np.where(self._contains(x, y), distance, -distance)
        return signed

    def contains(self, points: Floats) -> Bools:
        """Whether each point lies in each polygon, (2, N) → (Z, N), by the even–odd rule."""
        if not len(self.first):
            return np.zeros((0, points.shape[1]), np.bool_)
        return self._contains(*self._edges.offsets(points))

    def _distance(self, x: Floats, y: Floats) -> Floats:
        edges = self._edges
        share = x * edges.per_x
        share += y * edges.per_y
        np.maximum(share, 0.0, out=share)
        np.minimum(share, 1.0, out=share)
        aside_x, aside_y = x - share * edges.x, y - share * edges.y
        aside_x *= aside_x
        aside_y *= aside_y
        aside_x += aside_y
        distance: Floats = np.sqrt(np.minimum.reduceat(aside_x, self.first, axis=0))
        return distance

    def _contains(self, x: Floats, y: Floats) -> Bools:
        edges = self._edges
        passes = (y < 0.0) != (y < edges.y)
        passes &= x < y * edges.slope
        inside: Bools = np.logical_xor.reduceat(passes, self.first, axis=0)
        return inside


@dataclass(frozen=True, slots=True)
class _Edges:
    """Edges of polygons, each number (E, 1): where they start, how far they go, that divided by
    their squared length, and how far in x per y."""

    start_x: Floats
    start_y: Floats
    x: Floats
    y: Floats
    per_x: Floats
    per_y: Floats
    slope: Floats

    @classmethod
    def between(cls, start: Floats, end: Floats) -> _Edges:
        (start_x, start_y), (x, y) = start.T[:, :, None], (end - start).T[:, :, None]
        squared = np.maximum(x * x + y * y, 1e-12)
        slope = x / np.where(y == 0.0, 1.0, y)  # level edges are passed by no level ray
        return cls(start_x, start_y, x, y, x / squared, y / squared, slope)

    def offsets(self, points: Floats) -> tuple[Floats, Floats]:
        """From each edge's start to each point, (2, N) px → two of (E, N)."""
        return points[0] - self.start_x, points[1] - self.start_y


def hysteresis_band(
    sizes_px: Floats, noise_px: Floats, share: float, noise_factor: float, least_px: float
) -> Floats:
    """Half width in px of the strip in which a position says nothing yet, per object: (N,), (N,)
    → (N,).

    It grows with the object (a detector's box breathes by a share of its size) and with the
    jitter measured on its own track. The jitter's part is held below three quarters of the
    object, so that a track gone wild can still be counted.
    """
    jitter = np.minimum(noise_factor * noise_px, np.maximum(0.75 * sizes_px, 4.0 * least_px))
    band: Floats = np.maximum(np.maximum(share * sizes_px, jitter), least_px)
    return band
