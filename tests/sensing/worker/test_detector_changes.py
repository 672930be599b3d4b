"""Another version under a running camera: swapped in, tried out, taken back, shadowed."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from models_registry.runtime.detections import Detections
from sensing.domain.scene import Scene
from sensing.worker.change import Change, Step
from sensing.worker.frames import CapturedFrame
from sensing.worker.messages import Facts, RolledBack, ShadowReport, Status, TrialPassed
from sensing.worker.post import Post
from tests.cameras import scene_image
from tests.models_registry.runtime.finder_models import FAULTS
from tests.sensing.worker.detector_clip import (
    TRUTH,
    camera,
    counts_by_run,
    spec,
    with_detector,
    write_passages,
)
from tests.sensing.worker.running_loop import RunningLoop, running
from tests.sensing.worker.test_detector_faults import detector_pids


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_passages(tmp_path_factory.mktemp("clips") / "passages.mp4")


def undisturbed(loop: RunningLoop) -> bool:
    """Whether every whole pass was counted right, in one stream, without a frame given up."""
    runs = counts_by_run(loop.said)
    statuses = [m for m in loop.said if isinstance(m, Status)]
    return (
        runs == [TRUTH] * len(runs) != []
        and {s.state for s in statuses} == {"connecting", "live"}
        and statuses[-1].frames_skipped == 0
    )


def another_pass(loop: RunningLoop) -> None:
    now = loop.until(Status, lambda s: s.state == "live")
    loop.until(Facts, lambda f: f.run_id != now.run_id)


def test_no_candidate_that_is_unfit_comes_on_duty_or_costs_a_count(
    clip: Path, tmp_path: Path
) -> None:
    plan = camera(clip, spec(tmp_path, version=3), loop=True)
    candidates = {
        fault: spec(tmp_path, fault, version=10 + at, trial_s=300.0)
        for at, fault in enumerate(FAULTS)
        if fault != "too_slow"  # a matter of the clock: see below
    }
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    candidates["model_unusable"] = replace(candidates["blind"], version=20, model_path=str(broken))
    with running(plan, tmp_path) as loop:
        loop.until(Status, lambda s: s.state == "live")
        for fault, candidate in candidates.items():
            loop.plans.put(with_detector(plan, candidate))
            told = loop.until(RolledBack)
            assert (told.version_from, told.version_to) == (candidate.version, 3)
            assert told.cause == fault
            assert told.detail
        another_pass(loop)
        loop.stop()
    assert undisturbed(loop)
    versions = {m.detector_version for m in loop.said if isinstance(m, Status)}
    assert versions - {0} == {3}


def test_a_candidate_beyond_the_budget_that_the_old_one_keeps_is_too_slow(tmp_path: Path) -> None:
    old = Post(spec(tmp_path), Scene())
    change = Change(old, spec(tmp_path, "too_slow", trial_s=300.0), Scene(), budget_s=0.005)
    picture = CapturedFrame(scene_image(30), 0.0, 0)
    try:
        for _ in range(100_000):
            if change.tick() is not Step.WAIT:
                break
            change.analysed(picture, Detections.empty(), 1.0)
            signal.sigtimedwait([], 0.002)
        assert change.fault is not None
        assert change.fault.cause == "too_slow"
        assert "5 ms are left" in change.fault.detail
    finally:
        change.new.close()


def test_a_new_version_takes_over_between_frames_and_its_tracks_go_on(
    clip: Path, tmp_path: Path
) -> None:
    plan = camera(clip, spec(tmp_path, version=3), loop=True)
    trucks = spec(tmp_path, class_id=1, version=4)
    with running(plan, tmp_path) as loop:
        before = loop.until(Status, lambda s: s.state == "live")
        loop.plans.put(with_detector(plan, trucks))
        after = loop.until(Status, lambda s: s.detector_version == 4)
        assert after.run_id == before.run_id
        assert not [m for m in loop.said if isinstance(m, RolledBack | TrialPassed)]
        another_pass(loop)
        assert len(detector_pids()) == 1
        loop.stop()
    runs = [run.total() for run in counts_by_run(loop.said)]
    assert runs == [TRUTH.total()] * len(runs) != []


def test_a_sound_version_passes_its_trial_and_the_old_one_is_unloaded(
    clip: Path, tmp_path: Path
) -> None:
    plan = camera(clip, spec(tmp_path, version=3), loop=True)
    new = spec(tmp_path, version=4, class_id=0, trial_s=3.0)
    new = replace(new, name="other")  # the same file, but not the same work
    with running(plan, tmp_path) as loop:
        loop.until(Status, lambda s: s.state == "live")
        loop.plans.put(with_detector(plan, new))
        loop.until(Status, lambda s: s.detector_candidate == 4)
        loop.until(Status, lambda s: s.detector_version == 4)
        assert len(detector_pids()) == 2
        assert loop.until(TrialPassed).version == 4
        another_pass(loop)
        assert len(detector_pids()) == 1
        loop.stop()
    assert undisturbed(loop)


@pytest.mark.parametrize(("deed", "cause"), [(signal.SIGKILL, "crashed"), (signal.SIGSTOP, "hung")])
def test_a_version_that_dies_in_its_trial_on_duty_hands_its_frame_to_the_old_one(
    deed: signal.Signals, cause: str, clip: Path, tmp_path: Path
) -> None:
    old = spec(tmp_path, version=3)
    new = replace(spec(tmp_path, version=4, trial_s=3.0), name="other")
    with running(camera(clip, old, loop=True), tmp_path) as loop:
        loop.until(Status, lambda s: s.state == "live")
        (kept,) = detector_pids()
        loop.plans.put(with_detector(camera(clip, old, loop=True), replace(new, trial_s=600.0)))
        loop.plans.put(with_detector(camera(clip, old, loop=True), new))
        loop.until(Status, lambda s: s.detector_version == 4)
        (pid,) = set(detector_pids()) - {kept}
        os.kill(pid, deed)
        told = loop.until(RolledBack)
        assert (told.version_from, told.version_to, told.cause) == (4, 3, cause)
        another_pass(loop)
        assert detector_pids() == [kept]
        loop.stop()
    assert undisturbed(loop)


def test_the_way_back_to_the_version_before_is_open_at_once_during_a_trial(
    clip: Path, tmp_path: Path
) -> None:
    old = spec(tmp_path, version=3)
    plan = camera(clip, old, loop=True)
    new = replace(old, name="other", version=4, trial_s=3.0)
    with running(plan, tmp_path) as loop:
        loop.until(Status, lambda s: s.state == "live")
        (kept,) = detector_pids()
        loop.plans.put(with_detector(plan, new))
        loop.until(Status, lambda s: s.detector_version == 4)
        loop.plans.put(plan)
        loop.until(Status, lambda s: s.detector_version == 3)
        assert detector_pids() == [kept]


def test_a_start_in_the_middle_of_a_trial_begins_with_the_version_before(
    clip: Path, tmp_path: Path
) -> None:
    old = spec(tmp_path, version=3)
    blind = spec(tmp_path, "blind", version=4, trial_s=300.0, fallback=old)
    with running(camera(clip, blind, loop=True), tmp_path) as loop:
        first = loop.until(Status, lambda s: s.state == "live")
        assert (first.detector_version, first.detector_candidate) == (3, 4)
        assert loop.until(RolledBack).cause == "blind"
        another_pass(loop)
        loop.stop()
    assert undisturbed(loop)


def test_a_shadow_tells_what_it_would_count_and_stores_nothing(clip: Path, tmp_path: Path) -> None:
    shadow = spec(tmp_path, class_id=1, version=9)
    plan = camera(clip, spec(tmp_path, version=3), loop=True, shadow=shadow)
    with running(plan, tmp_path) as loop:
        told = loop.until(ShadowReport, lambda r: sum(r.counts_shadow.values()) >= 2)
        assert (told.version, told.dropped, told.agreement) == (9, False, 0.0)
        assert set(told.counts_shadow) == {"road|backward|truck"}
        assert set(told.counts_active) == {"road|backward|car"}
        assert told.frames > 30
        assert told.latency_p95_ms >= told.latency_p50_ms > 0
        assert told.only_active > 30
        assert told.only_shadow == pytest.approx(told.only_active, rel=0.1)
        loop.plans.put(replace(plan, shadow=replace(plan.detector, version=8)))
        same = loop.until(ShadowReport, lambda r: r.version == 8 and r.frames > 20)
        assert same.agreement == 1.0
        another_pass(loop)
        loop.stop()
    assert undisturbed(loop)


def test_a_shadow_that_crashes_is_given_up_after_three_tries_and_disturbs_nothing(
    clip: Path, tmp_path: Path
) -> None:
    shadow = spec(tmp_path, "crashed", version=9)
    plan = camera(clip, spec(tmp_path, version=3), loop=True, shadow=shadow)
    with running(plan, tmp_path) as loop:
        told = loop.until(ShadowReport, lambda r: r.dropped)
        assert (told.version, told.cause) == (9, "crashed")
        assert len(detector_pids()) == 1
        another_pass(loop)
        loop.stop()
    assert undisturbed(loop)
