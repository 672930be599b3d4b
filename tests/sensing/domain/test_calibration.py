"""Calibration on cameras whose geometry is known exactly."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sensing.domain.calibration import (
    Calibration,
    KnownLength,
    Method,
    PointMarks,
    RoadPoint,
    VanishingMarks,
    calibrate,
)
from sensing.domain.calibration_checks import CalibrationInvalid
from sensing.domain.calibration_document import calibration_document, parse_calibration
from sensing.domain.calibration_drawing import road_grid
from sensing.domain.homography import RoadPlane, fit_plane
from sensing.simulation.camera import PerspectiveCamera, road_camera

WIDTH, HEIGHT = 1280, 720
CAMERA = road_camera(WIDTH, HEIGHT)
Floats = NDArray[np.float64]


def seen(*road_m: tuple[float, float], camera: PerspectiveCamera = CAMERA) -> list:
    """Where road points are in the picture, 0–1."""
    ground = np.array([(x, y, 0.0) for x, y in road_m])
    pixels, _ = camera.project(ground)
    return [(float(u / WIDTH), float(v / HEIGHT)) for u, v in pixels]


def pointed(*road_m: tuple[float, float], method: Method = "points") -> PointMarks:
    return PointMarks(tuple(map(RoadPoint, seen(*road_m), road_m)), method)


def rectangle(*corners: tuple[float, float]) -> PointMarks:
    """7 m wide and 27 m long, its near left corner being the origin."""
    road_m = ((0.0, 0.0), (7.0, 0.0), (7.0, 27.0), (0.0, 27.0))
    return PointMarks(tuple(map(RoadPoint, seen(*corners), road_m)), "rectangle")


SIX = ((-3.5, 18.0), (3.5, 18.0), (3.5, 45.0), (-3.5, 45.0), (0.0, 25.0), (0.0, 60.0))


def true_road(image: Floats, camera: PerspectiveCamera = CAMERA) -> Floats:
    return camera.to_ground(image.T * (WIDTH, HEIGHT)).T


def distance(road: Floats) -> float:
    return float(np.hypot(*(road[:, 1] - road[:, 0])))


TWO = np.array([[0.45, 0.55], [0.75, 0.4]])


def methods() -> dict[str, PointMarks | VanishingMarks]:
    left, right = -3.5, 3.5
    corners = (left, 18.0), (right, 18.0), (right, 45.0), (left, 45.0)
    nodes = [(x, y) for y in (20.0, 30.0, 40.0) for x in (left, 0.0, right)]
    dashes = [(left, y) for y in (18.0, 24.0, 30.0, 36.0)] + [(right, y) for y in (21.0, 27.0)]
    a, b, c, d = seen(*corners)
    return {
        "points": pointed(*SIX),
        "rectangle": rectangle(*corners),
        "grid": pointed(*nodes[:-2], nodes[-1], method="grid"),
        "marks": pointed(*dashes, method="marks"),
        "one length": VanishingMarks(
            ((a, d), (b, c)), ((a, b), (d, c)), (KnownLength((a, d), 27.0),)
        ),
        "two lengths": VanishingMarks(
            ((a, d), (b, c)), ((a, b), (d, c)),
            (KnownLength((a, d), 27.0), KnownLength((a, b), 7.0)),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("method", methods())
def test_every_method_finds_the_true_distances_from_exact_marks(method: str) -> None:
    found = calibrate(methods()[method], WIDTH, HEIGHT)
    assert distance(found.road(TWO)) == pytest.approx(distance(true_road(TWO)), rel=1e-6)
    assert found.rms_px < 1e-6
    assert not found.plane.mirrored


@pytest.mark.parametrize("method", methods())
def test_a_document_reads_back_to_the_same_plane(method: str) -> None:
    found = calibrate(methods()[method], WIDTH, HEIGHT, pick_px=2.0)
    document = json.loads(json.dumps(calibration_document(found)))
    again = parse_calibration(document)
    assert np.array_equal(again.plane.to_px, found.plane.to_px)
    assert (again.marks, again.pick_px, again.warnings) == (found.marks, 2.0, found.warnings)


def test_a_camera_without_roll_or_yaw_needs_a_length_in_both_directions() -> None:
    camera = replace(CAMERA, yaw_deg=0.0)
    a, b, c, d = seen((-3.5, 18), (3.5, 18), (3.5, 45), (-3.5, 45), camera=camera)
    lines = ((a, d), (b, c)), ((a, b), (d, c))
    with pytest.raises(CalibrationInvalid, match="second length") as refused:
        calibrate(VanishingMarks(*lines, (KnownLength((a, d), 27.0),)), WIDTH, HEIGHT)
    assert refused.value.codes == {"focal"}
    lengths = KnownLength((a, d), 27.0), KnownLength((a, b), 7.0)
    found = calibrate(VanishingMarks(*lines, lengths), WIDTH, HEIGHT)
    assert distance(found.road(TWO)) == pytest.approx(distance(true_road(TWO, camera)), rel=1e-6)


def test_lengths_that_contradict_each_other_are_reported() -> None:
    a, b, c, d = seen((-3.5, 18), (3.5, 18), (3.5, 45), (-3.5, 45))
    lengths = KnownLength((a, d), 27.0), KnownLength((b, c), 40.0), KnownLength((a, b), 7.0)
    found = calibrate(VanishingMarks(((a, d), (b, c)), ((a, b), (d, c)), lengths), WIDTH, HEIGHT)
    assert "length_mismatch" in {w.code for w in found.warnings}


class TestGeometry:
    found = calibrate(pointed(*SIX), WIDTH, HEIGHT)

    def test_image_and_road_are_inverse(self) -> None:
        road = np.array([[-3.0, 2.0, 0.0], [20.0, 90.0, 33.0]])
        assert np.allclose(self.found.road(self.found.image(road)), road)

    def test_beyond_the_horizon_there_is_no_road(self) -> None:
        camera = replace(CAMERA, pitch_deg=5.0)
        points = ((-3.5, 30.0), (3.5, 30.0), (3.5, 60.0), (-3.5, 60.0))
        marks = PointMarks(tuple(map(RoadPoint, seen(*points, camera=camera), points)))
        found = calibrate(marks, WIDTH, HEIGHT)
        (_, left), (_, right) = found.horizon
        assert left == pytest.approx(camera.horizon_y / HEIGHT)
        assert right == pytest.approx(left)
        above, below = left - 0.01, left + 0.01
        road = found.road([[0.5, 0.5], [above, below]])
        assert np.isnan(road[:, 0]).all()
        assert np.isfinite(road[:, 1]).all()

    def test_behind_the_camera_there_is_no_picture(self) -> None:
        assert np.isnan(self.found.image([[0.0], [-40.0]])).all()

    def test_the_scale_is_that_of_a_step_of_one_pixel(self) -> None:
        at = np.array([[0.5], [0.7]])
        right, down = at + np.diag([1 / WIDTH, 1 / HEIGHT]).reshape(2, 2, 1).transpose(1, 0, 2)
        (a, b), (c, d) = (
            self.found.road(right) - self.found.road(at),
            (self.found.road(down) - self.found.road(at)),
        )
        area = abs(float(a[0] * d[0] - b[0] * c[0]))
        assert float(self.found.scale(at)[0]) == pytest.approx(np.sqrt(area), rel=0.02)

    def test_the_jacobian_is_the_slope(self) -> None:
        at = np.array([[700.0], [400.0]])
        numeric = [
            (self.found.plane.road(at + s) - self.found.plane.road(at - s)) / 2e-3
            for s in (np.array([[1e-3], [0]]), np.array([[0], [1e-3]]))
        ]
        assert np.allclose(self.found.plane.jacobian(at)[:, :, 0], np.hstack(numeric), rtol=1e-6)

    def test_a_frame_of_another_size_shows_the_same_road(self) -> None:
        small = self.found.plane_for(640, 360)
        assert np.allclose(small.road([[320], [250]]), self.found.plane.road([[640], [500]]))
        assert small.length_error([[200], [150]], [[220], [250]]) == pytest.approx(
            self.found.plane.length_error([[400], [300]], [[440], [500]])
        )

    def test_the_pose_is_that_of_the_camera(self) -> None:
        pose = self.found.pose
        assert pose is not None
        assert pose.focal_px == pytest.approx(CAMERA.focal_px, rel=1e-6)
        assert np.allclose(pose.position_m, CAMERA.position, atol=1e-6)

    def test_straight_down_there_is_no_pose(self) -> None:
        plane = RoadPlane(np.diag([20.0, -20.0, 1.0]), np.zeros((9, 9)))
        assert replace(self.found, plane=plane).pose is None

    def test_the_grid_lies_on_the_road(self) -> None:
        lines = road_grid(self.found, 5.0)
        along = [line for line in lines if line.axis == "x"]
        assert {line.at_m % 5.0 for line in lines} == {0.0}
        assert len(along) > 2
        for line in along:
            road = self.found.road(np.array(line.ends).T)
            assert np.allclose(road[0], line.at_m, atol=1e-6)


class TestErrors:
    """What the calibration says of its own error, against repeated marking."""

    noise_px, measure_m = 1.5, 0.05

    def repeated(self, points: tuple[tuple[float, float], ...]) -> tuple[float, float]:
        """(spread of the speed, claimed standard error), both as shares."""
        road = np.array(points).T
        image = np.array(seen(*points)).T * [[WIDTH], [HEIGHT]]
        ends = TWO * [[WIDTH], [HEIGHT]]
        rng = np.random.default_rng(5)
        lengths = []
        for _ in range(600):
            plane = fit_plane(
                image + rng.normal(0, self.noise_px, image.shape),
                road + rng.normal(0, self.measure_m, road.shape),
                self.noise_px,
                self.measure_m,
            ).plane
            lengths.append(distance(plane.road(ends)))
        exact = fit_plane(image, road, self.noise_px, self.measure_m).plane
        claimed = float(exact.length_error(ends[:, :1], ends[:, 1:])[0])
        return float(np.std(lengths) / np.mean(lengths)), claimed

    @pytest.mark.parametrize("points", [SIX[:4], SIX], ids=["four", "six"])
    def test_the_claimed_error_is_that_of_marking_again_and_again(
        self, points: tuple[tuple[float, float], ...]
    ) -> None:
        spread, claimed = self.repeated(points)
        assert claimed == pytest.approx(spread, rel=0.12)

    def test_the_error_of_a_speed_is_that_of_a_short_length(self) -> None:
        found = calibrate(pointed(*SIX), WIDTH, HEIGHT)
        middle = found.road([[0.5], [0.6]])
        step = np.array([[0.0], [0.05]])
        ends = found.plane.image(middle - step), found.plane.image(middle + step)
        along = found.speed_error_percent([[0.5], [0.6]], np.pi / 2)
        assert along == pytest.approx(100 * found.plane.length_error(*ends), rel=1e-3)
        assert found.speed_error_percent([[0.5], [0.6]]) >= along

    def test_far_from_the_marks_less_is_known(self) -> None:
        found = calibrate(pointed(*SIX[:4]), WIDTH, HEIGHT)
        near, far = found.speed_error_percent(np.array(seen((0, 30), (0, 150))).T)
        assert far > 3 * near

    def test_points_that_disagree_widen_the_error(self) -> None:
        marks = pointed(*SIX)
        bent = replace(marks.points[4], road_m=(1.5, 25.0))
        worse = calibrate(PointMarks((*marks.points[:4], bent, marks.points[5])), WIDTH, HEIGHT)
        better = calibrate(marks, WIDTH, HEIGHT)
        at = np.array([[0.5], [0.5]])
        assert worse.speed_error_percent(at)[0] > 3 * better.speed_error_percent(at)[0]
        assert {"residual", "stray_point"} & {w.code for w in worse.warnings}

    def test_residuals_are_in_pixels_of_the_still(self) -> None:
        marks = pointed(*SIX)
        u, v = marks.points[4].image
        moved = replace(marks.points[4], image=(u + 20 / WIDTH, v))
        found = calibrate(PointMarks((*marks.points[:4], moved, marks.points[5])), WIDTH, HEIGHT)
        assert 2.0 < max(found.residuals_px) < 20.0
        assert found.rms_px == pytest.approx(np.sqrt(np.mean(np.square(found.residuals_px))))


LINE = ((0.0, 20.0), (0.0, 30.0), (0.0, 40.0), (0.0, 50.0))


@pytest.mark.parametrize(
    ("marks", "code"),
    [
        (pointed(*SIX[:3]), "too_few"),
        (pointed(*LINE), "collinear"),
        (pointed(*LINE, (3.0, 30.0)), "collinear"),
        (pointed(*SIX[:3], SIX[2]), "duplicated"),
        (PointMarks((*pointed(*SIX[:3]).points, RoadPoint((0.2, 1.5), (0, 9)))), "invalid"),
        (PointMarks((*pointed(*SIX[:3]).points, RoadPoint((0.2, 0.5), (np.nan, 9)))), "invalid"),
        (rectangle(*(SIX[k] for k in (0, 1, 3, 2))), "beyond_horizon"),
    ],
    ids=["three", "line", "line and one", "same point", "outside", "nan", "crossed corners"],
)
def test_marks_that_give_no_plane_are_refused(marks: PointMarks, code: str) -> None:
    with pytest.raises(CalibrationInvalid) as refused:
        calibrate(marks, WIDTH, HEIGHT)
    assert refused.value.codes == {code}


def warned(found: Calibration) -> set[str]:
    return {warning.code for warning in found.warnings}


def test_doubtful_marks_are_named() -> None:
    assert warned(calibrate(pointed(*SIX), WIDTH, HEIGHT)) == set()
    assert "unchecked" in warned(calibrate(pointed(*SIX[:4]), WIDTH, HEIGHT))
    close = ((0.0, 30.0), (1.0, 30.0), (1.0, 31.0), (0.0, 31.0))
    assert {"too_close", "uncertain"} <= warned(calibrate(pointed(*close), WIDTH, HEIGHT))
    thin = ((0.0, 20.0), (0.3, 25.0), (0.0, 50.0), (0.3, 60.0))
    assert "nearly_collinear" in warned(calibrate(pointed(*thin), WIDTH, HEIGHT))


def test_a_mirrored_road_is_named_and_still_measures() -> None:
    swapped = PointMarks(
        tuple(replace(p, road_m=(-p.road_m[0], p.road_m[1])) for p in pointed(*SIX).points)
    )
    found = calibrate(swapped, WIDTH, HEIGHT)
    assert "mirrored" in warned(found)
    assert distance(found.road(TWO)) == pytest.approx(distance(true_road(TWO)))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"method": "guess"}, "method"),
        ({"frame": [1280]}, "frame"),
        ({"frame": [10**400, 5]}, "frame"),
        ({"points": "all"}, "points"),
        ({"points": [{"image": [0.1, "x"], "road_m": [0, 0]}]}, "image"),
        ({"pick_px": None}, "pick_px"),
        ({"measure_m": -1.0}, "measure_m"),
    ],
)
def test_a_broken_document_is_refused_with_what_is_wrong(change: dict, word: str) -> None:
    document = calibration_document(calibrate(pointed(*SIX), WIDTH, HEIGHT)) | change
    with pytest.raises(CalibrationInvalid, match=word):
        parse_calibration(document)


def test_what_is_no_document_is_refused() -> None:
    with pytest.raises(CalibrationInvalid, match="object"):
        parse_calibration([1, 2])
