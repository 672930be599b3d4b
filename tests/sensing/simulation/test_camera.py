from __future__ import annotations

import math

import numpy as np
import pytest

from sensing.simulation.camera import PerspectiveCamera, plaza_camera, road_camera


def test_a_point_on_the_optical_axis_is_in_the_middle_of_the_picture() -> None:
    camera = PerspectiveCamera(640, 360, 600.0, 3.0, 8.0, 0.0, 45.0)
    pixels, depth = camera.project(np.array([[3.0, 8.0, 0.0]]))  # 8 m up, 45° down: 8 m ahead
    np.testing.assert_allclose(pixels, [[320.0, 180.0]], atol=1e-9)
    np.testing.assert_allclose(depth, [math.hypot(8, 8)])


def test_right_is_right_and_up_is_up() -> None:
    camera = PerspectiveCamera(640, 360, 600.0, 0.0, 8.0, 0.0, 20.0)
    middle, right, higher = camera.project(
        np.array([[0.0, 25.0, 0.0], [1.0, 25.0, 0.0], [0.0, 25.0, 1.0]])
    )[0]
    assert right[0] > middle[0]
    assert higher[1] < middle[1]


def test_size_in_the_picture_follows_focal_length_over_depth() -> None:
    camera = PerspectiveCamera(640, 360, 600.0, 0.0, 8.0, 0.0, 0.0)  # looks level
    ends, depth = camera.project(np.array([[-1.0, 30.0, 8.0], [1.0, 30.0, 8.0]]))
    np.testing.assert_allclose(depth, 30.0)
    assert ends[1, 0] - ends[0, 0] == pytest.approx(2 * 600 / 30)


def test_yaw_turns_the_view_to_the_right() -> None:
    straight = PerspectiveCamera(640, 360, 600.0, 0.0, 8.0, 0.0, 20.0)
    turned = PerspectiveCamera(640, 360, 600.0, 0.0, 8.0, 10.0, 20.0)
    point = np.array([[0.0, 25.0, 0.0]])
    assert turned.project(point)[0][0, 0] < straight.project(point)[0][0, 0]


@pytest.mark.parametrize("camera", [road_camera(640, 360), plaza_camera(960, 540)])
def test_the_homography_undoes_the_projection_on_the_ground(camera: PerspectiveCamera) -> None:
    ground = np.array([[-3.0, 15.0], [2.5, 22.0], [0.0, 60.0], [4.0, 40.0]])
    pixels, _ = camera.project(np.column_stack([ground, np.zeros(4)]))
    np.testing.assert_allclose(camera.to_ground(pixels), ground, atol=1e-6)


def test_the_axes_of_the_camera_are_a_rotation() -> None:
    turn = road_camera(640, 360).rotation
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)


def test_the_horizon_is_where_far_points_go() -> None:
    camera = PerspectiveCamera(640, 360, 600.0, 0.0, 8.0, 0.0, 10.0)
    far, _ = camera.project(np.array([[0.0, 1e7, 0.0]]))
    assert far[0, 1] == pytest.approx(camera.horizon_y, abs=1e-3)
