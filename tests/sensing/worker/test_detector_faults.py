"""A detector that dies, hangs or breaks under a running camera: counts and frames, not seconds."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from sensing.worker.messages import RolledBack, Status
from tests.sensing.worker.detector_clip import (
    TRUTH,
    camera,
    counted,
    counts_by_run,
    spec,
    with_detector,
    write_passages,
)
from tests.sensing.worker.running_loop import running

MODULE = "models_registry.runtime.isolated_child"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_passages(tmp_path_factory.mktemp("clips") / "passages.mp4")


def detector_pids() -> list[int]:
    """Processes that run a model for this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            command = (process / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == os.getpid() and MODULE.encode() in command:
            found.append(int(process.name))
    return found


def hit(number: signal.Signals) -> None:
    (pid,) = detector_pids()
    os.kill(pid, number)


def test_a_detector_killed_and_one_frozen_cost_one_frame_and_no_count(
    clip: Path, tmp_path: Path
) -> None:
    with running(camera(clip, spec(tmp_path), loop=True), tmp_path) as loop:
        first = loop.until(Status, lambda s: s.frames_analysed >= 15)
        hit(signal.SIGKILL)
        killed = loop.until(Status, lambda s: s.detector_restarts == 1)
        assert killed.frames_skipped == 0
        loop.until(Status, lambda s: s.frames_analysed > killed.frames_analysed + 15)
        hit(signal.SIGSTOP)
        frozen = loop.until(Status, lambda s: s.detector_restarts == 2)
        loop.until(Status, lambda s: s.run_id not in (first.run_id, frozen.run_id))
        last = loop.until(Status, lambda s: s.detector_version == 1)
        loop.stop()
    runs = counts_by_run(loop.said)
    assert runs == [TRUTH] * len(runs) != []
    assert last.frames_skipped == 1  # the one in the hands of the frozen process
    states = {m.state for m in loop.said if isinstance(m, Status)}
    assert states == {"connecting", "live"}
    assert detector_pids() == []


@pytest.mark.parametrize("fault", ["crashed", "run_failed"])
def test_a_model_that_fails_again_and_again_makes_way_for_its_fallback(
    fault: str, clip: Path, tmp_path: Path
) -> None:
    bad = spec(tmp_path, fault, version=7, fallback=spec(tmp_path, version=3))
    with running(camera(clip, bad), tmp_path) as loop:
        told = loop.until(RolledBack)
        ended = loop.until(Status, lambda s: s.state == "ended")
        loop.stop()
    assert (told.version_from, told.version_to, told.cause) == (7, 3, fault)
    assert told.detail
    assert ended.detector_version == 3
    assert ended.frames_skipped <= 3
    assert counted(loop.said) == TRUTH


def test_a_model_that_fails_without_a_fallback_is_told_while_the_stream_stays_open(
    clip: Path, tmp_path: Path
) -> None:
    plan = camera(clip, spec(tmp_path, "crashed", version=7), loop=True)
    with running(plan, tmp_path) as loop:
        failed = loop.until(Status, lambda s: s.state == "failed")
        assert (failed.cause, failed.detector_version) == ("model_unusable", 7)
        assert "signal 8" in failed.detail
        assert failed.retry_in_s is not None
        later = loop.until(Status, lambda s: s.frames_read > failed.frames_read + 20)
        assert later.state == "failed"
        loop.plans.put(with_detector(plan, spec(tmp_path, version=3)))
        again = loop.until(Status, lambda s: s.state == "live")
        assert again.detector_version == 3


def test_a_file_that_is_no_model_makes_way_for_its_fallback_at_the_start(
    clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    good = spec(tmp_path, version=3)
    bad = replace(good, version=7, fallback=good, model_path=str(tmp_path / "broken.onnx"))
    with running(camera(clip, bad), tmp_path) as loop:
        told = loop.until(RolledBack)
        assert (told.version_to, told.cause) == (3, "model_unusable")
        assert "not_onnx" in told.detail
        loop.until(Status, lambda s: s.state == "live")
