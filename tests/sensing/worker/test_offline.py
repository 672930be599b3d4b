"""Recordings through the pipeline, and what is written about them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from models_registry.runtime.motion import MotionDetector
from sensing.domain.scene import parse_scene
from sensing.worker.offline import Analysis, Progress, analyze_recording
from sensing.worker.offline_files import write_results
from sensing.worker.recording import Recording, RecordingUnusable
from tests.sensing.worker.drawn_video import FPS, SCENE, crossing_car, write_video


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "car.avi", crossing_car())


def analysis_of(video: Path, **options: object) -> Analysis:
    return analyze_recording(video, parse_scene(SCENE), MotionDetector(), **options)


def test_the_car_is_counted_and_every_stage_has_its_cost(video: Path) -> None:
    analysis = analysis_of(video)
    assert [(x.direction, x.object_class) for x in analysis.crossings] == [("forward", "car")]
    assert analysis.frames_read == analysis.frames_analysed == 62
    assert analysis.duration_s == pytest.approx(61 / FPS, abs=0.01)
    assert set(analysis.cpu_ms) == {"decode", "motion", "track", "sense"}
    assert (analysis.width, analysis.height) == (320, 180)
    assert analysis.warnings == []


def test_analysing_fewer_frames_counts_the_same_at_the_same_time(video: Path) -> None:
    whole, thinned = analysis_of(video), analysis_of(video, analysed_fps=6.25)
    assert thinned.frames_analysed == 31
    assert thinned.frames_read == 62
    assert len(thinned.crossings) == 1
    assert thinned.crossings[0].time_s == pytest.approx(whole.crossings[0].time_s, abs=0.2)
    assert thinned.crossings[0].frame_index % 2 == 0


@pytest.mark.parametrize(("fps", "expected"), [(12.5, 62), (5.0, 25), (100.0, 62), (1.0, 5)])
def test_frames_are_thinned_by_time(video: Path, fps: float, expected: int) -> None:
    assert len(list(Recording(video).frames(fps))) == expected


def test_progress_grows(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensing.worker.offline.PROGRESS_PERIOD_S", 0.0)
    heard: list[Progress] = []
    analysis_of(video, progress=heard.append)
    shares = [p.share for p in heard if p.share is not None]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_files_say_what_was_found(video: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    write_results(out, analysis_of(video), parse_scene(SCENE), {"video": "car.avi"})
    with (out / "crossings.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["line"], r["direction"], r["class"], r["size"]) for r in rows] == [
        ("Middle", "forward", "car", "small")
    ]
    assert list(rows[0])[:2] == ["time_s", "frame"]
    assert (out / "counts.csv").read_text().splitlines() == [
        "minute,line,direction,class,count",
        "0,Middle,forward,car,1",
    ]
    assert (out / "visits.csv").read_text().startswith("enter_s,leave_s,dwell_s,zone,class,track")
    summary = json.loads((out / "summary.json").read_text())
    assert summary["model"] == "motion"
    assert summary["video"] == "car.avi"
    found = summary["lines"]["Middle"]["forward"]
    assert (found["total"], found["by_class"], found["by_size"]) == (1, {"car": 1}, {"small": 1})
    assert (found["wrong_way"], found["speeds"]["count"]) == (0, 0)
    assert summary["cpu_ms_per_frame"]["total"] > 0.0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new"]
    assert sorted(p.name for p in out.parent.iterdir()) == ["out"]


def test_writing_again_replaces_the_files_and_leaves_others(video: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    analysis = analysis_of(video)
    write_results(tmp_path, analysis, parse_scene(SCENE), {})
    analysis.crossings.clear()
    write_results(tmp_path, analysis, parse_scene(SCENE), {})
    assert len((tmp_path / "crossings.csv").read_text().splitlines()) == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_failure_while_writing_leaves_nothing(video: Path, tmp_path: Path) -> None:
    analysis = analysis_of(video)
    scene_without_the_line = parse_scene({})
    with pytest.raises(KeyError):
        write_results(tmp_path / "out", analysis, scene_without_the_line, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty"), (b"not a video at all " * 50, "not_a_video")],
)
def test_what_is_no_video_is_refused_in_words(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(RecordingUnusable, match="expected a video") as refusal:
        Recording(path)
    assert refusal.value.code == code


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingUnusable, match="found none at"):
        Recording(tmp_path / "none.mp4")


def test_a_cut_recording_is_refused_unless_what_is_there_is_wanted(
    video: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.avi"
    cut.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    with pytest.raises(RecordingUnusable) as refusal:
        analysis_of(cut)
    assert refusal.value.code == "truncated"
    assert "62 frames" in str(refusal.value)
    partial = analysis_of(cut, partial=True)
    assert 20 < partial.frames_analysed < 40
    assert len(partial.warnings) == 1


def test_a_resolution_that_changes_half_way_moves_no_line(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.avi", crossing_car(320, 176), 5.0, fps=25.0)
    second = write_video(tmp_path / "b.avi", crossing_car(480, 272), 5.0, fps=25.0)
    joined = tmp_path / "joined.mjpeg"
    joined.write_bytes(jpegs(first) + jpegs(second))
    analysis = analysis_of(joined)
    assert analysis.frames_analysed == 250
    assert [round(x.time_s) for x in analysis.crossings] == [3, 8]


def jpegs(video: Path) -> bytes:
    """The pictures of a Motion-JPEG file without its container: such a stream may change size."""
    data = video.read_bytes()
    pictures = []
    start = data.find(b"\xff\xd8\xff")
    while start >= 0:
        end = data.find(b"\xff\xd9", start) + 2
        pictures.append(data[start:end])
        start = data.find(b"\xff\xd8\xff", end)
    return b"".join(pictures)
