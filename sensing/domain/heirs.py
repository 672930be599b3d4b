"""Who continues whom: a track that begins where a lost one was heading is the same object."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensing.domain.classes import CYCLE, PERSON
from sensing.domain.kinematics import Kinematics

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_SIZE_RATIO = 2.0
_REACH, _REACH_PER_S = 0.6, 0.6  # in sizes of the lost object
_ASIDE_PER_S = 0.3
_VELOCITY_NOISE_PER_S = 8.0  # px/s of a smoothed velocity per px of jitter, about
_MOVING = 0.7  # sizes per second from which a direction is known in spite of jitter
_SPEED_DOUBT = 0.4  # share of the way it has gone by its last known speed
_ROUNDING_PX = 1e-3
_MISSED = 3  # frames a lost track is kept at least: at 3 fps a second is soon over


@dataclass(frozen=True, slots=True)
class Newcomers:
    """Tracks without a past: their first points (2, n) px, when that was, their sizes, where they
    are now, and their class groups."""

    first: Floats
    times_s: Floats
    sizes: Floats
    now: Floats
    groups: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Missing:
    """Tracks not seen on this frame, m of them: ``missed`` (m,) frames since their newest look."""

    motion: Kinematics
    missed: Floats
    groups: NDArray[np.int64]


def lingers(unseen_s: Floats, missed: Floats, linger_s: float) -> Bools:
    """Whether a lost track may still find an heir: in time, or a few frames of a slow stream."""
    lingering: Bools = unseen_s <= linger_s
    lingering |= (missed <= _MISSED) & (unseen_s <= 2.0 * linger_s)
    return lingering


def parents(new: Newcomers, lost: Missing, time_s: float, linger_s: float) -> dict[int, int]:
    """Which of the lost tracks each newcomer continues: newcomer → lost. Each is continued once,
    the nearest pairs come first."""
    motion = lost.motion
    gap_s = new.times_s[:, None] - motion.time_s
    # Nobody fits who is farther away than this. Few are nearer: they are looked at one by one.
    speed = np.hypot(motion.velocity[0], motion.velocity[1])
    reach = (_REACH_PER_S * motion.size + (1.0 + _SPEED_DOUBT) * speed) * gap_s
    reach += _REACH * motion.size + _ROUNDING_PX
    offset = np.abs(new.first[:, :, None] - motion.point[:, None])
    near = (offset[0] <= reach) & (offset[1] <= reach) & (gap_s > 1e-6)
    if not np.count_nonzero(near):
        return {}
    near &= lingers(gap_s, lost.missed, linger_s)
    distances = {
        (i, j): distance
        for i, j in np.argwhere(near).tolist()
        if (distance := _distance(new, i, lost, j, time_s)) is not None
    }
    found: dict[int, int] = {}
    for i, j in sorted(distances, key=lambda pair: distances[pair]):
        if i not in found and j not in found.values():
            found[i] = j
    return found


def _distance(new: Newcomers, i: int, lost: Missing, j: int, time_s: float) -> float | None:
    """How far, in sizes of the lost object, a newcomer begins from where that would be; None when
    it is another object."""
    if not _related(int(new.groups[i]), int(lost.groups[j])):
        return None
    motion = lost.motion
    size, gap_s = float(motion.size[j]), float(new.times_s[i] - motion.time_s[j])
    if not 1.0 / _SIZE_RATIO < float(new.sizes[i]) / size < _SIZE_RATIO:
        return None
    first_x, first_y = new.first[:, i].tolist()
    x, y = motion.point[:, j].tolist()
    velocity = speed_x, speed_y = motion.velocity[:, j].tolist()
    x, y, path_x, path_y = first_x - x, first_y - y, speed_x * gap_s, speed_y * gap_s
    length = max(math.hypot(path_x, path_y), 1e-4)
    # A lost object is between where it was and where its speed would have taken it: it may
    # brake. It goes on ahead rather than aside.
    share = min(max((x * path_x + y * path_y) / length**2, 0.0), 1.0)
    distance = math.hypot(x - share * path_x, y - share * path_y) / size
    if distance > _REACH + _REACH_PER_S * gap_s + _SPEED_DOUBT * length / size:
        return None
    if length > _MOVING * gap_s * size:
        aside = abs(x * path_y - y * path_x) / length
        noise_px = _VELOCITY_NOISE_PER_S * gap_s * math.sqrt(float(motion.noise[j]))
        if aside > (_REACH + _ASIDE_PER_S * gap_s) * size + noise_px:
            return None
        if _opposed(new, i, velocity, time_s):
            return None
    return distance


def _opposed(new: Newcomers, i: int, velocity: list[float], time_s: float) -> bool:
    """Whether a newcomer, by what it has moved since its first look, goes against the way of a lost
    track: at the picture's edge one leaves where another comes in."""
    age_s = time_s - float(new.times_s[i])
    x, y = (new.now[:, i] - new.first[:, i]).tolist()
    fast = age_s > 0.0 and math.hypot(x, y) > _MOVING * age_s * float(new.sizes[i])
    return fast and x * velocity[0] + y * velocity[1] < 0.0


def _related(first: int, second: int) -> bool:
    """Whether a detector may call one object both; the rider of a bicycle is a person at times."""
    return first == second or {first, second} == {PERSON, CYCLE}
