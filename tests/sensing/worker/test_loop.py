"""The loop of one camera, run in this process with real sources and a real pipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sensing.domain.statistics.packing import add_heat
from sensing.simulation import parse_simulation_url, simulated_calibration
from sensing.worker.messages import Facts, Overlay, Picture, Status
from sensing.worker.outbox import Beat
from sensing.worker.plan import CameraPlan, DetectorSpec, SourceSpec
from tests.cameras import http_camera, mjpeg, rtsp_camera, write_clip
from tests.sensing.worker.running_loop import running

SCENE = {
    "lines": [{"name": "Road", "points": [[0.5, 0.3], [0.5, 0.95]]}],
    "modules": [{"kind": "vehicle_traffic"}],
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "street.mp4")


def camera(kind: str, location: str, **more: object) -> CameraPlan:
    return CameraPlan(5, "Street", SourceSpec(kind, location), SCENE, **more)  # type: ignore[arg-type]


def live(status: Status) -> bool:
    return status.state == "live"


def test_a_file_played_once_is_sensed_to_its_end_and_its_coverage_is_exact(
    clip: Path, tmp_path: Path
) -> None:
    with running(camera("file", str(clip)), tmp_path) as loop:
        ended = loop.until(Status, lambda s: s.state == "ended")
        loop.stop()
    facts = [m for m in loop.said if isinstance(m, Facts)]
    observed_s, seen_s = coverage(loop.said)
    assert ended.frames_read == 45
    assert ended.frames_analysed + ended.frames_dropped == pytest.approx(30, abs=3)
    assert observed_s == pytest.approx(seen_s, abs=0.25)
    assert [batch.sequence for batch in facts] == list(range(len(facts)))
    assert len({batch.run_id for batch in facts}) == 1


def test_states_are_told_in_order_and_with_figures(clip: Path, tmp_path: Path) -> None:
    plan = camera("file", str(clip))
    plan = replace(plan, source=replace(plan.source, loop=True))
    with running(plan, tmp_path) as loop:
        assert loop.until(Status).state == "connecting"
        first = loop.until(Status, live)
        assert (first.width, first.height, first.codec) == (320, 240, "mpeg4")
        assert (first.source_fps, first.detector) == (15.0, "motion")
        later = loop.until(Status, lambda s: s.frames_analysed > 15)
        assert 0 < later.analysed_fps < 15
        assert later.latency_p95_ms >= later.latency_p50_ms > 0
        assert loop.until(Beat).patience_s > 0


def test_each_pass_of_a_looping_file_is_a_run_of_its_own(clip: Path, tmp_path: Path) -> None:
    plan = camera("file", str(clip))
    plan = replace(plan, source=replace(plan.source, loop=True))
    with running(plan, tmp_path) as loop:
        first = loop.until(Status, live)
        second = loop.until(Status, lambda s: s.run_id not in ("", first.run_id))
    assert second.state == "live"


def test_a_passing_car_is_counted_once_in_its_direction(clip: Path, tmp_path: Path) -> None:
    plan = camera("file", str(clip))
    plan = replace(plan, source=replace(plan.source, loop=True))
    with running(plan, tmp_path) as loop:
        found = loop.until(Facts, lambda facts: bool(facts.crossings)).crossings
    assert len(found) == 1
    assert (found[0].line_id, found[0].direction, found[0].nth) == ("road", "backward", 0)


def test_a_picture_of_another_size_begins_another_run(tmp_path: Path) -> None:
    with (
        http_camera(mjpeg(sizes=((320, 240), (160, 120)))) as url,
        running(camera("http", url), tmp_path) as loop,
    ):
        first = loop.until(Status, live)
        other = loop.until(Status, lambda s: s.run_id not in ("", first.run_id))
    assert {first.width, other.width} == {320, 160}
    assert other.state == "live"


def test_pictures_are_made_only_while_somebody_watches(clip: Path, tmp_path: Path) -> None:
    plan = camera("file", str(clip))
    plan = replace(plan, source=replace(plan.source, loop=True))
    with running(plan, tmp_path) as loop:
        loop.until(Status, lambda s: s.frames_analysed > 5)
        assert not [m for m in loop.said if isinstance(m, Picture)]
        loop.watched.set()
        assert loop.until(Picture).jpeg.startswith(b"\xff\xd8")


def test_no_picture_is_made_of_a_camera_that_shows_none(clip: Path, tmp_path: Path) -> None:
    plan = camera("file", str(clip), pictures="none")
    with running(plan, tmp_path) as loop:
        loop.watched.set()
        loop.until(Status, lambda s: s.state == "ended")
        assert not [m for m in loop.said if isinstance(m, Picture)]
        assert [m for m in loop.said if isinstance(m, Overlay)]


def coverage(said: list[object]) -> tuple[float, float]:
    """(seconds reported as observed, seconds from the first to the last analysed frame)."""
    seen = [m.captured_at_s for m in said if isinstance(m, Overlay)]
    facts = [m for m in said if isinstance(m, Facts)]
    return sum(sum(batch.observed_s.values()) for batch in facts), max(seen) - min(seen)


def test_stopping_hands_over_what_was_observed_to_the_last_frame(
    clip: Path, tmp_path: Path
) -> None:
    with running(camera("file", str(clip)), tmp_path) as loop:
        loop.until(Status, lambda s: s.frames_analysed > 5)
        loop.stop()
    observed_s, seen_s = coverage(loop.said)
    assert observed_s == pytest.approx(seen_s, abs=0.25)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"scene": {"lines": [{"name": "a", "points": [[0, 0], [0, 0]]}]}}, "scene_invalid"),
        ({"scene": {"modules": [{"kind": "telepathy"}]}}, "scene_invalid"),
        ({"detector": DetectorSpec("x", "/no/such/model.onnx")}, "model_unusable"),
        ({"detector": DetectorSpec("sorcery")}, "model_unusable"),
        ({"detector": DetectorSpec(parameters={"no_such": 1})}, "model_unusable"),
    ],
)
def test_a_plan_that_cannot_be_run_is_told_and_ends_nothing(
    change: dict[str, object], cause: str, clip: Path, tmp_path: Path
) -> None:
    plan = replace(camera("file", str(clip)), **change)  # type: ignore[arg-type]
    with running(plan, tmp_path) as loop:
        status = loop.until(Status, lambda s: s.state == "failed")
        assert status.cause == cause
        assert status.detail
        assert status.retry_in_s is not None


def test_a_wrong_password_is_told_and_never_said(clip: Path, tmp_path: Path) -> None:
    with rtsp_camera(clip, "bob", "right") as server:
        plan = camera("rtsp", server.url)
        secret = replace(plan.source, username="bob", password="s3cret-w0rd")
        plan = replace(plan, source=secret)
        with running(plan, tmp_path) as loop:
            status = loop.until(Status, lambda s: s.state == "failed")
        assert (status.cause, status.width) == ("unauthorized", 0)
        assert status.retry_in_s is not None
        assert status.retry_in_s > 5
        assert "s3cret-w0rd" not in repr([plan, *loop.said])


def test_a_calibration_that_is_refused_stops_no_count_and_is_said_once(
    clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = camera("file", str(clip), calibration={"method": "none"}, calibration_id=7)
    plan = replace(plan, source=replace(plan.source, loop=True))
    with running(plan, tmp_path) as loop:
        found = loop.until(Facts, lambda facts: bool(facts.crossings))
    assert (len(found.crossings), found.calibration_id) == (1, 0)
    said = [record for record in caplog.records if "calibration was refused" in record.message]
    assert len(said) == 1


def test_the_facts_of_a_calibrated_camera_name_its_calibration_and_its_heat(
    clip: Path, tmp_path: Path
) -> None:
    marks = simulated_calibration(parse_simulation_url("sim://road"))
    with running(camera("file", str(clip), calibration=marks, calibration_id=7), tmp_path) as loop:
        loop.until(Status, lambda status: status.state == "ended")
        loop.stop()
        batches = [facts for facts in loop.said if isinstance(facts, Facts)]
    assert {facts.calibration_id for facts in batches} == {7}
    heat = [part for facts in batches for part in facts.heat]
    assert {kind for kind, _, _ in heat} == {"vehicle"}
    assert sum(float(add_heat([cells]).sum()) for *_, cells in heat) > 0.3
