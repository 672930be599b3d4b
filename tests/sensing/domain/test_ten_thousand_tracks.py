"""The specification of the counter as a property: over 10,000 random tracks with jitter, dropped
frames, lost looks, identity switches and stops, no object is counted twice and none is missed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pytest

from sensing.domain.counting import LineCounter
from sensing.domain.results import Crossing
from sensing.domain.scene import ModuleSetting, Scene
from sensing.domain.scoring import ScoredEvent, score_crossings
from sensing.domain.tracking import Tracker
from sensing.modules import build_modules
from tests.synth import Faults, World, faulty_tracks, noisy_detections, road, settled_truth, world

TRACKS_PER_WORLD = 100


def wrong(world: World, found: Iterable[Crossing]) -> list[tuple[str, list[str], list[str]]]:
    """Objects whose crossings are not exactly the true ones: (path, true, found)."""
    ways: dict[str, list[str]] = defaultdict(list)
    for crossing in sorted(found, key=lambda c: c.time_s):
        ways[crossing.line_id].append(crossing.direction)
    return [
        (world.path[int(line)], true, ways[line])
        for line, true in settled_truth(world).items()
        if ways[line] != true
    ]


def counted(world: World, rng: np.random.Generator, faults: Faults) -> list[Crossing]:
    counter = LineCounter(world.lines, world.width, world.height)
    found: list[Crossing] = []
    for tracks, time_s, frame in faulty_tracks(world, rng, faults):
        found += counter.update(tracks, time_s, frame)
    return found + counter.finish()


@pytest.mark.parametrize("block", range(10))
def test_no_double_and_no_miss_in_ten_thousand_tracks(block: int) -> None:
    for part in range(10):
        rng = np.random.default_rng((block, part))
        fps = float(rng.choice([5, 6, 8, 10, 12, 15, 25, 30], p=[0.15] * 6 + [0.05] * 2))
        experiments = world(rng, TRACKS_PER_WORLD, fps)
        faults = Faults(dropped_frames=0.15, lost_looks=0.05, switched=0.3)
        found = counted(experiments, rng, faults)
        assert wrong(experiments, found) == []
        assert len({(c.line_id, c.track_id, c.nth) for c in found}) == len(found)


def test_at_three_frames_a_second_tracks_without_switches_are_counted_exactly() -> None:
    # Between two looks at 3 fps an object can start, cross and be gone: who it was, nobody can
    # know.
    for part in range(3):
        rng = np.random.default_rng((77, part))
        experiments = world(rng, TRACKS_PER_WORLD, 3.0)
        faults = Faults(dropped_frames=0.1, lost_looks=0.05)
        assert wrong(experiments, counted(experiments, rng, faults)) == []


@pytest.mark.parametrize("path", ["through", "fast", "creep", "u_turn"])
def test_crossing_times_agree_with_the_truth(path: str) -> None:
    rng = np.random.default_rng(5)
    experiments = world(rng, TRACKS_PER_WORLD, 10.0, paths=[path])
    found = counted(experiments, rng, Faults())
    scores = score_crossings(
        [ScoredEvent(c.line_id, c.direction, c.time_s) for c in found], experiments.truth, 0.5
    )
    assert all(score.f1 == 1.0 for score in scores.values())
    errors = np.abs([error for score in scores.values() for error in score.time_errors_s])
    assert np.median(errors) < 0.05


def test_from_noisy_detections_to_counts_without_double_or_miss() -> None:
    slow_paths = ("through", "stop", "u_turn", "turn_back", "creep", "around")
    for part, fps in enumerate((4.0, 5.0, 8.0, 10.0, 15.0, 25.0)):
        rng = np.random.default_rng((2, part))
        experiments = world(rng, 50, fps, paths=slow_paths)
        scene = Scene(lines=experiments.lines, modules=(ModuleSetting("vehicle_traffic"),))
        (module,) = build_modules(scene, experiments.width, experiments.height)
        tracker, found, dropped = Tracker(), [], 0.1
        for detections, time_s, frame in noisy_detections(experiments, rng):
            if rng.random() >= dropped:
                tracks = tracker.update(detections, time_s)
                found += module.step(tracks, time_s, frame).crossings
        found += module.finish(time_s).crossings
        assert wrong(experiments, found) == []
        assert {c.object_class for c in found} <= {"car", "truck"}


def test_fast_objects_are_tracked_and_counted_from_four_looks() -> None:
    for part, fps in enumerate((5.0, 10.0, 25.0)):
        rng = np.random.default_rng((3, part))
        experiments = world(rng, 50, fps, paths=["fast"])
        tracker = Tracker()
        counter = LineCounter(experiments.lines, experiments.width, experiments.height)
        found: list[Crossing] = []
        for detections, time_s, frame in noisy_detections(experiments, rng, missed=0.0):
            found += counter.update(tracker.update(detections, time_s), time_s, frame)
        assert wrong(experiments, found + counter.finish()) == []


def test_dense_stop_and_go_traffic_is_counted_exactly_at_usual_rates() -> None:
    truth = missed = surplus = 0
    for part, fps in enumerate((8.0, 10.0, 15.0, 25.0)):
        rng = np.random.default_rng((4, part))
        lanes = road(rng, fps, 30.0)
        tracker, counter = Tracker(), LineCounter(lanes.lines, lanes.width, lanes.height)
        found: list[Crossing] = []
        for detections, time_s, frame in noisy_detections(lanes, rng):
            found += counter.update(tracker.update(detections, time_s), time_s, frame)
        found += counter.finish()
        score = score_crossings(
            [ScoredEvent(c.line_id, c.direction, c.time_s) for c in found], lanes.truth, 0.5
        )["road"]
        truth += score.truth
        # Who passes in the last instants is seen too briefly to be known.
        missed += sum(event.time_s < lanes.time_s[-1] - 0.4 for event in score.missed)
        surplus += len(score.surplus)
    assert truth > 150
    assert (missed, surplus) == (0, 0)
