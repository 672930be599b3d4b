from __future__ import annotations

import socket
from pathlib import Path

import cv2
import numpy as np
import pytest

from sensing.worker.errors import StreamUnavailable
from sensing.worker.plan import SourceSpec
from sensing.worker.snapshot import probe
from tests.cameras import http_camera, mjpeg, rtsp_camera, write_clip


def test_a_file_shows_a_still_and_its_facts(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "street.mp4", frames=5)
    result = probe(SourceSpec("file", str(clip)), tmp_path, 60.0)
    assert (result.width, result.height, result.fps, result.codec) == (320, 240, 15.0, "mpeg4")
    still = cv2.imdecode(np.frombuffer(result.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert still is not None
    assert still.shape == (240, 320, 3)


def test_an_rtsp_camera_shows_a_still_or_its_cause_without_the_password(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "street.mp4", frames=15)
    with rtsp_camera(clip, "bob", "s3cret") as camera:
        result = probe(SourceSpec("rtsp", camera.url, False, "bob", "s3cret"), tmp_path, 60.0)
        assert (result.width, result.height, result.codec) == (320, 240, "mpeg4")
        with pytest.raises(StreamUnavailable) as failed:
            probe(SourceSpec("rtsp", camera.url, False, "bob", "s3cret2"), tmp_path, 60.0)
    assert (failed.value.code, failed.value.permanent) == ("unauthorized", True)
    assert "s3cret" not in repr(failed.value)


def test_a_rate_that_is_not_stated_is_measured(tmp_path: Path) -> None:
    with http_camera(mjpeg(fps=20)) as url:
        assert 5 < probe(SourceSpec("http", url), tmp_path, 60.0).fps < 25


def test_a_simulated_camera_shows_a_still_without_rendering_its_clip(tmp_path: Path) -> None:
    result = probe(SourceSpec("sim", "sim://plaza?seed=3&width=320&height=180"), tmp_path, 60.0)
    assert (result.width, result.height) == (320, 180)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "location", "code"),
    [
        ("file", "/no/such/file.mp4", "not_found"),
        ("http", "http://169.254.169.254/", "refused_address"),
        ("rtsp", "file:///etc/passwd", "refused_scheme"),
        ("sim", "sim://moon", "simulation_invalid"),
        ("usb", "77", "device_missing"),
    ],
)
def test_the_cause_crosses_the_process_border(
    kind: str, location: str, code: str, tmp_path: Path
) -> None:
    with pytest.raises(StreamUnavailable) as failed:
        probe(SourceSpec(kind, location), tmp_path, 60.0)  # type: ignore[arg-type]
    assert failed.value.code == code


def test_a_child_that_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(StreamUnavailable) as failed:
            probe(SourceSpec("rtsp", url), tmp_path, 0.5)
    assert failed.value.code == "timeout"
