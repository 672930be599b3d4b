"""A camera whose model looks only where something changes, in the model's own process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models_registry.builtin import DETECTOR
from models_registry.runtime.detections import Detections
from models_registry.runtime.isolated import DetectorLost, IsolatedDetector
from models_registry.runtime.motion import MotionDetector, Moving
from models_registry.runtime.vouching import Witness
from sensing.domain.scene import Scene
from sensing.simulation import parse_simulation_url
from sensing.simulation.clip import staged_world
from sensing.simulation.film import Film
from sensing.worker.frames import CapturedFrame
from sensing.worker.messages import RolledBack, Status
from sensing.worker.plan import DetectorSpec
from sensing.worker.post import Post
from sensing.worker.running import ModelRunning
from tests.sensing.worker.detector_clip import (
    TRUTH,
    camera,
    counts_by_run,
    spec,
    with_detector,
    write_passages,
)
from tests.sensing.worker.running_loop import running
from tests.sensing.worker.test_detector_faults import detector_pids
from tests.shared_data import ROOT

ATTENTIVE = DetectorSpec("road-users", str(DETECTOR), attention=True)
START_S = 1_767_268_800.0


@pytest.fixture(scope="module")
def road() -> NDArray[np.uint8]:
    """A road with parked cars alone."""
    world, _ = staged_world(parse_simulation_url("sim://road?duration=12&loop=0&noise=0"))
    return np.asarray(Film(world).background, np.uint8)


@contextmanager
def post(spec: DetectorSpec) -> Iterator[Post]:
    with closing(Post(spec, Scene())) as made:
        get_ready(made)
        yield made


def get_ready(made: Post) -> None:
    while not made.ready():
        signal.sigtimedwait([], 0.05)


def ask(made: Post, road: NDArray[np.uint8], n: int, loop: int = 0) -> Detections:
    """What is told of the road at the ``n``-th tenth of a second, a little brighter each time: a
    model that looks gives other boxes then, and nothing that counts has changed."""
    picture = np.minimum(road.astype(np.uint16) + n, 255).astype(np.uint8)
    made.submit(CapturedFrame(picture, START_S + n * 0.1, n, loop))
    while (found := made.collect(1.0)) is None:
        pass
    return found


def same(first: Detections, second: Detections) -> bool:
    return np.array_equal(first.xyxy, second.xyxy) and np.array_equal(
        first.confidence, second.confidence
    )


def test_a_plan_with_attention_starts_a_model_that_looks_only_where_something_changes(
    road: NDArray[np.uint8],
) -> None:
    with post(ATTENTIVE) as made:
        told = [ask(made, road, n) for n in range(12)]
        assert len(told[-1]) == 3
        assert same(told[-1], told[-2])
        assert same(told[-2], told[-3])
    with post(replace(ATTENTIVE, attention=False)) as made:
        dark, bright = (ask(made, road, n) for n in (0, 40))
        assert not same(dark, bright)


def test_a_recording_that_starts_over_and_a_reset_are_looked_at_anew(
    road: NDArray[np.uint8],
) -> None:
    with post(ATTENTIVE) as made:
        held = [ask(made, road, n) for n in range(12)][-1]
        over = ask(made, road, 12, loop=1)
        assert not same(held, over)
        held = [ask(made, road, n, loop=1) for n in range(13, 24)][-1]
        assert same(held, ask(made, road, 24, loop=1))
        made.reset()
        assert not same(held, ask(made, road, 25, loop=1))


def test_the_process_after_a_loss_holds_nothing_of_the_one_before(road: NDArray[np.uint8]) -> None:
    with post(ATTENTIVE) as made:
        held = [ask(made, road, n) for n in range(12)][-1]
        (pid,) = detector_pids()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(DetectorLost):
            ask(made, road, 12)
        get_ready(made)
        assert not same(held, ask(made, road, 12))


class NotingMotion(MotionDetector):
    """Notes the frames that it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def watch(self, frame: NDArray[np.uint8], time_s: float) -> list[Moving]:
        self.times.append(time_s)
        return super().watch(frame, time_s)


def test_motion_sees_every_frame_whether_the_model_looks_or_not(road: NDArray[np.uint8]) -> None:
    motion = NotingMotion()
    model = IsolatedDetector(DETECTOR, attention=True)
    with closing(ModelRunning(model, Witness(motion))) as detector:
        while not detector.loaded(1.0):
            pass
        looks = 0
        for n in range(12):
            detector.submit(road, n * 0.1)
            while detector.collect(1.0) is None:
                pass
            looks += model.stage_ms["inference"] > 0.0
    assert motion.times == [n * 0.1 for n in range(12)]
    assert 0 < looks < 12


def test_attention_comes_in_mid_run_and_costs_no_count(tmp_path: Path) -> None:
    clip = write_passages(tmp_path / "passages.mp4")
    plan = camera(clip, spec(tmp_path, version=3), loop=True)
    attentive = replace(plan.detector, attention=True)
    with running(plan, tmp_path) as loop:
        before = loop.until(Status, lambda s: s.state == "live")
        pids = detector_pids()
        loop.plans.put(with_detector(plan, attentive))
        loop.until(Status, lambda s: len(detector_pids()) == 1 and detector_pids() != pids)
        passes = {before.run_id}
        while len(passes) < 4:  # whole ones with attention among them
            passes.add(loop.until(Status, lambda s: s.run_id not in passes).run_id)
        loop.stop()
    runs = counts_by_run(loop.said)
    assert runs == [TRUTH] * len(runs) != []
    statuses = [m for m in loop.said if isinstance(m, Status)]
    assert {s.state for s in statuses} == {"connecting", "live"}
    assert (statuses[-1].detector_restarts, statuses[-1].frames_skipped) == (0, 0)
    assert not [m for m in loop.said if isinstance(m, RolledBack)]


def test_a_cameras_own_process_does_without_the_runtime() -> None:
    code = "import sys, sensing.worker.child; print('onnxruntime' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"
