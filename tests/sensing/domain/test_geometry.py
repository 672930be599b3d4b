from __future__ import annotations

import numpy as np
import pytest

from sensing.domain.geometry import (
    LineSet,
    PolygonSet,
    anchor_points,
    box_overlap,
    box_sizes,
    hysteresis_band,
)
from sensing.domain.scene import CountingLine, Point, Zone


@pytest.mark.parametrize(
    ("p1", "p2", "point", "distance"),
    [
        ((0, 0.5), (1, 0.5), (50, 60), 10.0),
        ((0, 0.5), (1, 0.5), (50, 40), -10.0),
        ((1, 0.5), (0, 0.5), (50, 60), -10.0),
        ((0.5, 0), (0.5, 1), (40, 50), 10.0),
        ((0, 0), (1, 1), (0, 100), np.sqrt(5000)),
    ],
)
def test_distance_from_a_line_is_positive_on_the_right_of_its_arrow(
    p1: Point, p2: Point, point: Point, distance: float
) -> None:
    lines = LineSet.from_scene([CountingLine("a", "a", p1, p2)], 100, 100)
    assert lines.signed_distance(np.array([point], float).T)[0, 0] == pytest.approx(distance)


def test_distance_is_in_pixels_of_a_frame_that_is_not_square() -> None:
    lines = LineSet.from_scene([CountingLine("a", "a", (0.5, 0.0), (0.5, 1.0))], 1920, 1080)
    assert lines.signed_distance(np.array([[950.0], [10.0]]))[0, 0] == pytest.approx(10.0)
    assert lines.length.tolist() == [1080.0]


def test_anchor_and_size_of_boxes() -> None:
    boxes = [[10, 20, 30, 60], [0, 0, 0, 0]]
    assert anchor_points(boxes).T.tolist() == [[20, 40], [0, 0]]
    assert anchor_points(boxes, "bottom").T.tolist() == [[20, 60], [0, 0]]
    assert box_sizes(boxes).tolist() == pytest.approx([np.sqrt(800), 1.0])


def test_overlap_of_boxes() -> None:
    assert box_overlap([0, 0, 10, 10], [5, 0, 15, 10]) == pytest.approx(1 / 3)
    assert box_overlap([0, 0, 10, 10], [20, 20, 30, 30]) == 0.0
    assert box_overlap([0, 0, 0, 0], [0, 0, 0, 0]) == 0.0


def test_points_in_polygons_also_concave_and_several() -> None:
    arrow = Zone("a", "a", ((0.0, 0.0), (0.4, 0.2), (0.0, 0.4), (0.1, 0.2)))
    square = Zone("b", "b", ((0.5, 0.5), (0.9, 0.5), (0.9, 0.9), (0.5, 0.9)))
    polygons = PolygonSet.from_scene([arrow, square], 100, 100)
    points = np.array([[20.0, 20], [2, 20], [70, 70], [70, 95], [500, 70]]).T
    expected = [[True, False, False, False, False], [False, False, True, False, False]]
    assert polygons.contains(points).tolist() == expected
    distance = polygons.signed_distance(points)
    assert (distance > 0).tolist() == expected
    assert distance[1, 2:].tolist() == pytest.approx([20, -5, -410])


def test_polygon_distance_agrees_with_a_reference_on_random_points() -> None:
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(0)
    corners = ((0.1, 0.1), (0.8, 0.2), (0.5, 0.5), (0.9, 0.9), (0.2, 0.7))
    polygons = PolygonSet.from_scene([Zone("a", "a", corners)], 1000, 1000)
    points = rng.uniform(0, 1000, (2, 300))
    contour = (np.array(corners) * 1000).astype(np.float32)[:, None]
    expected = [cv2.pointPolygonTest(contour, (float(x), float(y)), True) for x, y in points.T]
    assert polygons.signed_distance(points)[0] == pytest.approx(expected, abs=0.01)


def test_no_zones_and_no_points_give_empty_answers() -> None:
    none = PolygonSet.from_scene([], 10, 10)
    assert none.signed_distance(np.zeros((2, 3))).shape == (0, 3)
    assert LineSet.from_scene([], 10, 10).signed_distance(np.zeros((2, 3))).shape == (0, 3)


def test_the_band_grows_with_size_and_jitter_within_bounds() -> None:
    sizes, noise = np.array([10.0, 100.0, 100.0, 100.0]), np.array([0.0, 0.0, 3.0, 90.0])
    band = hysteresis_band(sizes, noise, 0.1, 5.0, 3.0)
    assert band.tolist() == [3.0, 10.0, 15.0, 75.0]
