"""The exact truth of a clip, in the format of the ground-truth files that sites exchange.

What counts:

- An object's box is the box round its projected shape, without its shadow, cut at the picture's
  edges. It passes a line on the first frame on which the centre of that box lies on the other side,
  within the ends of the line. ``time_s`` is between that frame and the one before.
- ``visible`` is the share of the silhouette on that frame that no nearer object hides. Crossings of
  which less than ``MIN_VISIBLE`` shows on every frame within half a second are listed under
  ``hidden_crossings`` instead: nobody could read them from the picture.
- A visit lasts from the first to the last frame with the box centre inside the zone. Visits that go
  on when the clip begins or ends carry ``cut``. Stays shorter than ``MIN_STAY_S`` are listed under
  ``brief_visits`` instead: someone walked over a corner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sensing.simulation.paths import Floats
from sensing.simulation.world import Stretch, World

MIN_VISIBLE = 0.25
MIN_STAY_S = 2.0
SCALE = 0.5
"""Silhouettes are compared at this share of the picture's size."""


def truth_document(world: World, scene: dict[str, Any], *, boxes: bool = False) -> dict[str, Any]:
    """Scene and truth in one JSON document; ``boxes`` adds every object's box on every frame."""
    crossings = [
        crossing
        for line in scene["lines"]
        for stretch in world.stretches
        for crossing in _crossings(world, stretch, line)
    ]
    crossings.sort(key=lambda c: (c["time_s"], c["track"]))
    seen = [c for c in crossings if c.pop("best_visible") >= MIN_VISIBLE]
    visits = [
        visit
        for zone in scene["zones"]
        for stretch in world.stretches
        for visit in _visits(world, stretch, zone)
    ]
    visits.sort(key=lambda v: (v["enter"], v["track"]))
    stays = [v for v in visits if v["leave_s"] - v["enter_s"] >= MIN_STAY_S]
    spec = world.spec
    document = {
        **scene,
        "simulation": spec.as_document(),
        "fps": spec.fps,
        "frames": spec.frames,
        "tolerance_frames": max(2, round(spec.fps)),
        "read": "computed from the simulated objects' shapes",
        "crossings": seen,
        "hidden_crossings": [c for c in crossings if c not in seen],
        "visits": stays,
        "brief_visits": [v for v in visits if v not in stays],
        "homography": _homography(world).tolist(),
        "homography_note": "3×3 matrix from picture coordinates 0–1 to metres on the ground",
    }
    if boxes:
        document["boxes"] = _all_boxes(world)
    return document


def _homography(world: World) -> Floats:
    """Picture coordinates 0–1 → ground metres."""
    matrix = world.camera.image_to_ground @ np.diag([world.camera.width, world.camera.height, 1.0])
    return np.asarray(matrix / matrix[2, 2])


def _crossings(world: World, stretch: Stretch, line: dict[str, Any]) -> Iterator[dict[str, Any]]:
    path, size = world.paths[stretch.number], (world.camera.width, world.camera.height)
    p1, p2 = np.array(line["points"]) * size
    along = p2 - p1
    boxes = world.boxes[stretch.number][stretch.indices]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    # Positive: right of the arrow p1→p2 as seen on screen, where y grows downwards.
    side = along[0] * (centres[:, 1] - p1[1]) - along[1] * (centres[:, 0] - p1[0])
    for k in (np.flatnonzero((side[:-1] < 0) != (side[1:] < 0)) + 1).tolist():
        if np.isnan(side[k - 1 : k + 1]).any():
            continue
        share = float(side[k - 1] / (side[k - 1] - side[k]))
        where = centres[k - 1] + share * (centres[k] - centres[k - 1])
        if not 0.0 <= float((where - p1) @ along) / float(along @ along) <= 1.0:
            continue
        frame, index = stretch.first_frame + k, int(stretch.indices[k])
        yield {
            "line": line["id"],
            "frame": frame,
            "time_s": round((frame - 1 + share) / world.spec.fps, 4),
            "direction": "forward" if side[k] > side[k - 1] else "backward",
            "class": path.object_class,
            "size": path.size,
            "speed_mps": round(float(path.speed_mps[index]), 3),
            "track": stretch.track,
            "visible": round(visible_share(world, frame, stretch.number, index), 2),
            "best_visible": _best_visible(world, stretch, k),
        }


def _best_visible(world: World, stretch: Stretch, at: int) -> float:
    """The most of an object that shows on any frame within half a second of its crossing."""
    half = max(1, round(world.spec.fps / 2))
    frames = range(max(0, at - half), min(len(stretch.indices), at + half))
    best = 0.0
    for k in sorted(frames, key=lambda k: abs(k - at)):
        index = int(stretch.indices[k])
        best = max(best, visible_share(world, stretch.first_frame + k, stretch.number, index))
        if best >= MIN_VISIBLE:
            break
    return best


def visible_share(world: World, frame: int, number: int, index: int) -> float:
    """Share of an object's silhouette on a frame that no nearer object hides (0–1)."""
    shape = (round(world.camera.height * SCALE), round(world.camera.width * SCALE))
    mask = np.zeros(shape, np.uint8)
    shown = world.shown(frame % world.period)
    own = shown.index((number, index))
    _fill(mask, world.outline(world.paths[number], index), 255)
    whole = cv2.countNonZero(mask)
    for other, at in shown[own + 1 :]:
        _fill(mask, world.outline(world.paths[other], at), 0)
    return cv2.countNonZero(mask) / whole if whole else 0.0


def _fill(mask: NDArray[np.uint8], outline: Floats, value: int) -> None:
    hull = cv2.convexHull(np.rint(np.clip(outline * SCALE, -4000, 4000) * 8).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, float(value), cv2.LINE_8, 3)


def _visits(world: World, stretch: Stretch, zone: dict[str, Any]) -> Iterator[dict[str, Any]]:
    size = np.array([world.camera.width, world.camera.height])
    polygon = np.array(zone["points"]) * size
    boxes = world.boxes[stretch.number][stretch.indices]
    inside = contains(polygon, (boxes[:, :2] + boxes[:, 2:]) / 2)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        enter, leave = stretch.first_frame + begin, stretch.first_frame + end - 1
        visit = {
            "zone": zone["id"],
            "track": stretch.track,
            "enter": enter,
            "leave": leave,
            "enter_s": round(enter / world.spec.fps, 4),
            "leave_s": round(leave / world.spec.fps, 4),
            "class": world.paths[stretch.number].object_class,
        }
        ends = (("begin", enter == 0), ("end", leave == world.frames - 1))
        cut = [edge for edge, goes_on in ends if goes_on]
        yield visit | ({"cut": cut} if cut else {})


def contains(polygon: Floats, points: Floats) -> NDArray[np.bool_]:
    """(N,) whether each of (N, 2) points lies in the polygon (even-odd rule); NaN is outside."""
    inside = np.zeros(len(points), bool)
    x, y = points[:, 0], points[:, 1]
    for (x0, y0), (x1, y1) in pairwise([*polygon.tolist(), polygon[0].tolist()]):
        if y0 == y1:
            continue
        between = (y0 <= y) != (y1 <= y)
        inside ^= between & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    return inside & ~np.isnan(x)


def quietest_frame(world: World, scene: dict[str, Any]) -> int:
    """The frame of the loop farthest from any crossing and visit's edge: the place for a seam."""
    moments: list[int] = [
        c["frame"]
        for line in scene["lines"]
        for stretch in world.stretches
        for c in _crossings(world, stretch, line)
    ]
    moments += [
        v[edge]
        for zone in scene["zones"]
        for stretch in world.stretches
        for v in _visits(world, stretch, zone)
        for edge in ("enter", "leave")
        if "cut" not in v
    ]
    return _middle_of_longest_gap(sorted(moments), world.period)


def _middle_of_longest_gap(moments: Sequence[int], period: int) -> int:
    if not moments:
        return 0
    following = [*moments[1:], moments[0] + period]
    gap, begin = max((b - a, a) for a, b in zip(moments, following, strict=True))
    return (begin + gap // 2) % period


def _all_boxes(world: World) -> list[dict[str, Any]]:
    """One entry per track: its first frame and its boxes, 0–1, None while unseen."""
    size = np.array([world.camera.width, world.camera.height] * 2)
    return [
        {
            "track": stretch.track,
            "class": world.paths[stretch.number].object_class,
            "first_frame": stretch.first_frame,
            "xyxy": [
                None if np.isnan(box[0]) else (box / size).round(5).tolist()
                for box in world.boxes[stretch.number][stretch.indices]
            ],
        }
        for stretch in world.stretches
    ]
