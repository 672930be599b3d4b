"""Speeds of all tracks as they come: a few dozen numbers a track, the same work for every frame.

Each look is taken relative to where the track was expected: there the picture's slope is known
without the look's own error, which would else pull far looks inward and bias the speed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sensing.domain.classes import counted_class
from sensing.domain.geometry import Bools, Floats, anchor_points
from sensing.domain.homography import RoadPlane
from sensing.domain.memory import Column, Step, Table, TrackMemory
from sensing.domain.pose import BODY_SIZES, DEFAULT_SIZE, BodySize, CameraPose
from sensing.domain.scene import Anchor
from sensing.domain.speed import (
    ROWS,
    SpeedParameters,
    SpeedRefused,
    SpeedSample,
    Sums,
    as_sample,
    edge_variances,
    explained,
    information_at,
    read_motion,
    solve,
    velocities,
)
from sensing.domain.tracking import Tracks

_EXPECTED_AFTER = 3  # looks from which a track's next place is known well enough
_MOVING_MPS = 2.0  # slower velocities show no heading
_HUBER = 2.5  # standard errors from which a look's weight falls
_HORIZON = 6.0  # standard errors of a look that it must lie below the horizon
_SLACK = 0.3  # memory of the running mean of errors
_OTHER_WAY = 0.95  # cosine of a heading from which a body stands visibly otherwise
_CHANGED = 2.0  # running mean in standard errors that only another speed explains: 4.8 of its own
_LOST_SHARE = 0.15  # of the picture: a look this far off was not expected at all
_REBASE_S = 60.0  # older than this, powers of time lose digits
_FORMER_S = 5.0  # for so long a track can be measured whose column an heir has taken
_NEAR_M = 0.005  # a place is found to within
_NOMINAL_LOOKS = 6.0  # looks' worth of belief in the nominal noise


class SpeedMeter:
    """Measures the speeds of the tracks of one camera.

    ``plane`` and ``pose`` are those of frames of this size. With a pose, the box round a body of
    the class's size is what is expected in the picture, so neither the height of the anchor nor a
    corner of the vehicle that comes nearest shifts the road position; without one, the anchor is
    taken to lie on the road. ``along_rad``: the heading of traffic before a track shows its own.

    Follows a ``memory`` made with ``anchor``; numbers of lost tracks live as long as that keeps
    them. Their heirs begin anew: a count survives a wrong heir, but looks at two vehicles would
    give a speed that is neither's. What was known of their parents can be asked for a while yet.
    """

    def __init__(
        self,
        plane: RoadPlane,
        pose: CameraPose | None,
        frame_width: int,
        frame_height: int,
        memory: TrackMemory,
        *,
        anchor: Anchor = "bottom",
        parameters: SpeedParameters | None = None,
        sizes: Mapping[str, BodySize] = BODY_SIZES,
        along_rad: float = np.pi / 2,
    ) -> None:
        self._plane, self._pose = plane, pose
        self._frame = np.array([frame_width, frame_height], np.float64)
        self._anchor: Anchor = anchor
        self._parameters = parameters or SpeedParameters()
        self._body_sizes = sizes
        self._along = np.array([[np.cos(along_rad)], [np.sin(along_rad)]])
        self._variances = edge_variances(anchor)
        self._deviations = np.sqrt(np.array(self._variances))[:, None]
        a, b, c = plane.horizon
        # A point z above the road, taken to be on it, moves C / (C − z) times as fast.
        height_m = np.inf if pose is None else float(pose.position_m[2])
        self._body_share = self._parameters.anchor_height_error_m / height_m
        self._horizon = np.array([a, b]), c
        self._memory = memory
        self._layout = memory.attach(
            {
                "sums": Column((ROWS,)),
                "looks": Column(),
                "clock": Column((3,), np.nan),  # origin of time, first look, newest look; s
                "along": Column((2,)),  # heading while it is not known; 0 0: the road's
                "errors": Column((7,)),  # Σe², Σe·e', number; newest e (2); running mean e (2)
            }
        )
        self._followed = 0
        self._time_s = -np.inf
        self._labels: tuple[str, ...] = ()
        self._sizes = np.zeros((6, 0))
        self._former: dict[int, tuple[float, dict[str, Floats]]] = {}

    def update(
        self,
        tracks: Tracks,
        time_s: float,
        measured_xyxy: NDArray[np.floating] | None = None,
    ) -> None:
        """Take in one frame. ``measured_xyxy`` (N, 4): the boxes as detected, where the tracks' own
        are smoothed; rows of tracks that were not observed are not read."""
        memory = self._memory
        if not memory.has_news(tracks, self._followed):
            return
        step = memory.follow(tracks, time_s, self._followed)
        self._followed = step.number
        if time_s < self._time_s:
            # The clock was set back, and how long the step lasted is not known: all begin anew,
            # and those that are lost keep what they have.
            self._begin(memory.living, np.ones(len(memory.living), np.bool_))
        self._time_s = time_s
        if step.heirs is not None:
            self._part(step)
            self._begin(memory.living, step.heirs.seen)
        boxes = tracks.xyxy if measured_xyxy is None else measured_xyxy
        if len(tracks):
            self._look(memory.living, np.asarray(boxes, np.float64), step.looks.seen, time_s)

    def take_sizes(self, sizes: Mapping[str, BodySize]) -> None:
        """The boxes are another detector's from now on, and bodies fill them otherwise: nothing
        that was learnt of a track fits its next looks, so all begin anew."""
        self._body_sizes, self._labels = sizes, ()
        self._former.clear()
        for table in (self._memory.living, self._memory.lost):
            self._begin(table, np.ones(len(table), np.bool_))

    def measure(self, track_id: int, at_s: float | None = None) -> SpeedSample | SpeedRefused:
        """The speed of a track at a time within its looks (by default the newest); a constant
        speed is the same at all of them."""
        mine = self._numbers_of(track_id)
        return SpeedRefused("unknown_track") if mine is None else self._sample(mine, at_s)

    def _numbers_of(self, track_id: int) -> dict[str, Floats] | None:
        """What is known of one track; of two lives of it, the one that was seen more."""
        found = [self._former[track_id][1]] if track_id in self._former else []
        for table in (self._memory.living, self._memory.lost):
            column = table.column_of(track_id)
            if column is not None:
                rows = table.of(self._layout)
                found.append({name: mine[..., column] for name, mine in rows.items()})
        return max(found, key=lambda mine: float(mine["looks"]), default=None)

    def _part(self, step: Step) -> None:
        """Keep what is known of tracks whose columns heirs begin anew with now."""
        living = self._memory.living
        rows = living.of(self._layout)
        self._former = {k: v for k, v in self._former.items() if v[0] > step.time_s - _FORMER_S}
        for heir, parent in step.parents.items():
            column = living.column_of(heir)
            if column is not None:
                mine = {name: numbers[..., column].copy() for name, numbers in rows.items()}
                self._former[parent] = step.time_s, mine

    def _sample(self, mine: dict[str, Floats], at_s: float | None) -> SpeedSample | SpeedRefused:
        samples = int(mine["looks"])
        if samples < self._parameters.least_samples:
            return SpeedRefused("few_samples")
        origin_s, first_s, newest_s = mine["clock"].tolist()
        at_s = newest_s if at_s is None else min(max(at_s, first_s), newest_s)
        variance = float(self._look_variance(mine["errors"][:, None])[0])
        motion = read_motion(
            Sums(mine["sums"][:, None]),
            (first_s - origin_s, newest_s - origin_s),
            at_s - origin_s,
            samples,
            variance,
            accelerating=self._parameters.allow_acceleration,
        )
        return as_sample(
            motion,
            self._plane,
            samples,
            newest_s - first_s,
            self._parameters,
            body_share=self._body_share,
        )

    def _begin(self, table: Table, chosen: Bools) -> None:
        mine = table.of(self._layout)
        for name, rows in mine.items():
            rows[..., chosen] = np.nan if name == "clock" else 0.0

    def _look_variance(self, errors: Floats) -> Floats:
        """(N,) variance of a box edge in px², from the track's own errors once it has enough; wider
        where errors follow each other, for then many looks say no more than a few."""
        square, follow, count = errors[:3]
        nominal = self._parameters.box_noise_px**2
        variance = (_NOMINAL_LOOKS * nominal + square) / (_NOMINAL_LOOKS + count)
        likeness = np.clip(follow / (square + _NOMINAL_LOOKS * nominal), 0.0, 0.9)
        widened: Floats = variance * (1.0 + likeness) / (1.0 - likeness)
        return widened

    def _look(self, table: Table, boxes: Floats, observed: Bools, time_s: float) -> None:
        mine = table.of(self._layout)
        looks, clock = mine["looks"], mine["clock"]
        edge = self._parameters.edge_px
        whole = (boxes[:, :2] > edge).all(axis=1) & (boxes[:, 2:] < self._frame - edge).all(axis=1)
        # A track that has not been looked at yet has no newest look: not a number is not less.
        seen = observed & whole & ~(clock[2] >= time_s)
        if not np.count_nonzero(seen):
            return
        points = anchor_points(boxes, self._anchor)
        np.copyto(clock[:2], time_s, where=seen & np.isnan(clock[0]))
        sums = Sums(mine["sums"])
        t = time_s - clock[0]
        self._age(sums, clock, t, seen & (looks > 0.0), time_s)
        t = np.where(seen, time_s - clock[0], 0.0)
        place, expected, error, known = self._expect(table, sums, points, t, seen)
        normal, direction = self._horizon
        low = normal @ expected + direction > _HORIZON * self._parameters.box_noise_px
        seen &= low  # neither is what is not a number
        lost = seen & ~known & (looks >= _EXPECTED_AFTER)
        weight, changed = self._judge(
            mine["errors"], looks, sums, error / self._deviations, known & seen
        )
        anew = lost | changed
        if np.count_nonzero(anew):  # whatever it did before, it does not now
            self._begin(table, anew)
            seen &= ~anew
        self._add(sums, np.where(seen, weight, 0.0), t, (place, expected, error))
        looks += seen
        np.copyto(clock[2], time_s, where=seen)
        if np.count_nonzero(looks == _EXPECTED_AFTER):
            self._turn(table)

    def _turn(self, table: Table) -> None:
        """Begin anew with what drives otherwise than was thought: its body was seen askew."""
        mine = table.of(self._layout)
        new = (mine["looks"] == _EXPECTED_AFTER) & ~mine["along"].any(axis=0)
        at = new.nonzero()[0]
        if not len(at):
            return
        velocity = solve(Sums(mine["sums"][:, at]))[0][:, 2:4].T
        speed = np.hypot(velocity[0], velocity[1])
        askew = np.abs((velocity * self._along).sum(axis=0)) < _OTHER_WAY * speed
        askew &= speed > _MOVING_MPS
        if np.count_nonzero(askew):
            chosen = np.zeros(len(new), np.bool_)
            chosen[at[askew]] = True
            self._begin(table, chosen)
            mine["along"][:, chosen] = (velocity / np.maximum(speed, 1e-9))[:, askew]

    def _age(self, sums: Sums, clock: Floats, t: Floats, seen: Bools, time_s: float) -> None:
        """Let what is old fade, and count time anew where it has grown long."""
        passed_s = np.where(seen, time_s - clock[2], 0.0)
        sums.data *= np.exp(passed_s * (-1.0 / self._parameters.memory_s))
        long = seen & (t > _REBASE_S)
        if np.count_nonzero(long):
            by_s = np.where(long, t, 0.0)
            sums.shift(by_s)
            clock[0] += by_s

    def _expect(
        self, table: Table, sums: Sums, points: Floats, t: Floats, seen: Bools
    ) -> tuple[Floats, Floats, Floats, Bools]:
        """Where each track should be on the road and in the picture (2, N), how far off the look
        is in px, and whether that was known before the look."""
        looks = table.of(self._layout)["looks"]
        motion = velocities(sums)
        velocity = motion[:, 2:4].T
        place = motion[:, :2].T + velocity * t
        known = looks >= _EXPECTED_AFTER
        heading = np.broadcast_to(self._along, place.shape)
        if self._pose is not None:
            speed = np.hypot(velocity[0], velocity[1])
            moving = known & (speed > _MOVING_MPS)
            own = table.of(self._layout)["along"]
            along = np.where(own.any(axis=0), own, self._along)
            heading = np.where(moving, velocity / np.maximum(speed, 1e-9), along)
        sizes = self._sizes_of(table)
        expected = self._see(place, heading, sizes)
        error = points - expected
        # Neither is what is not a number: an object expected behind the camera.
        known = known & (np.abs(error).max(axis=0) < _LOST_SHARE * self._frame.max())
        new = (seen & ~known).nonzero()[0]
        if len(new):
            place[:, new], expected[:, new] = self._stand(
                points[:, new], heading[:, new], sizes[:, new]
            )
            error[:, new] = 0.0
        return place, expected, error, known

    def _see(self, place: Floats, heading: Floats, sizes: Floats) -> Floats:
        """The anchors (2, N) px of objects standing at road places."""
        if self._pose is None:
            return self._plane.image(place)
        return self._pose.anchors(place, heading, sizes, self._anchor)

    def _stand(self, points: Floats, heading: Floats, sizes: Floats) -> tuple[Floats, Floats]:
        """Where objects with these anchors stand on the road, and their anchors as seen from
        there."""
        ground = self._plane.road(points)
        if self._pose is None:
            return ground, points
        place = ground
        for _ in range(3):
            off = ground - self._plane.road(self._see(place, heading, sizes))
            place = place + off
            if np.abs(off).max() < _NEAR_M:  # never true of what is not a number
                break
        return place, points

    def _judge(
        self, errors: Floats, looks: Floats, sums: Sums, error: Floats, known: Bools
    ) -> tuple[Floats, Bools]:
        """(N,) weight of each look, after its ``error`` (2, N) in px of a box edge, and who has
        changed: errors keep to one side, and no steady acceleration explains the track."""
        # The expectation errs too, and more so after few looks.
        scale = np.sqrt(self._edge_variance(errors) * (1.0 + 4.0 / np.maximum(looks, 1.0)))
        error = np.where(known, error, 0.0)
        relative = error / scale
        mean = errors[5:7]
        mean += _SLACK * (np.clip(relative, -4.0, 4.0) - mean) * known
        size = np.hypot(relative[0], relative[1]) * np.sqrt(0.5)
        weight: Floats = _HUBER / np.maximum(size, _HUBER)
        changed = known & (np.abs(mean).max(axis=0) > _CHANGED)
        if np.count_nonzero(changed):
            weight = np.where(changed, 1.0, weight)
            at = changed.nonzero()[0]
            bent = explained(Sums(sums.data[:, at]), self._edge_variance(errors[:, at]))
            changed[at] = ~bent
            mean[:, at] *= 0.7
            error[:, at] = 0.0  # this is no noise
        own = error / np.sqrt(1.0 + 4.0 / np.maximum(looks, 1.0))
        own *= np.minimum(1.0, 4.0 / np.maximum(size, 1e-9))  # one wild look is no noise
        errors[0] += 0.5 * (own * own).sum(axis=0)
        errors[1] += 0.5 * (own * errors[3:5]).sum(axis=0)
        errors[2] += known
        np.copyto(errors[3:5], own, where=known)
        return weight, changed

    def _edge_variance(self, errors: Floats) -> Floats:
        nominal = self._parameters.box_noise_px**2
        variance: Floats = (_NOMINAL_LOOKS * nominal + errors[0]) / (_NOMINAL_LOOKS + errors[2])
        return variance

    def _add(
        self, sums: Sums, weight: Floats, t: Floats, look: tuple[Floats, Floats, Floats]
    ) -> None:
        place, expected, error = look
        information, slope = information_at(self._plane, expected, self._variances)
        xx, xy, yy = information
        (a, b), (c, d) = slope
        across, down = error[0] / self._variances[0], error[1] / self._variances[1]
        x, y = place
        pull_x, pull_y = a * across + c * down, b * across + d * down
        informed = np.stack([xx * x + xy * y + pull_x, xy * x + yy * y + pull_y])
        square = x * (informed[0] + pull_x) + y * (informed[1] + pull_y)
        square += error[0] * across + error[1] * down
        used = weight > 0.0  # what is not used may be beyond the horizon, and not a number
        sums.add(
            np.where(used, weight * information, 0.0),
            np.where(used, weight * informed, 0.0),
            np.where(used, weight * square, 0.0),
            t,
        )

    def _sizes_of(self, table: Table) -> Floats:
        """(6, N) rows of ``BodySize`` of the tracks' classes."""
        if self._labels is not self._memory.labels:
            self._labels = self._memory.labels
            bodies = [self._body_sizes.get(counted_class(x), DEFAULT_SIZE) for x in self._labels]
            rows = [body.row() for body in bodies]
            self._sizes = np.array(rows, np.float64).reshape(-1, 6).T
        return self._sizes[:, table.label.astype(np.intp)]
