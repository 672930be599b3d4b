"""Opening real sources: what plays, and which cause is told for what does not."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from sensing.worker.capture import Stream, open_stream
from sensing.worker.errors import ADVICE, StreamUnavailable
from sensing.worker.plan import SourceKind, SourceSpec
from sensing.worker.rtsp_preflight import sdp_codec
from tests.cameras import (
    RtspCamera,
    free_port,
    http_camera,
    jpeg,
    mjpeg,
    rtsp_camera,
    write_clip,
    write_jpegs,
)

PASSWORD = "p@ss:w/rd"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "street.mp4", frames=15)


@pytest.fixture(scope="module")
def guarded(clip: Path) -> Iterator[RtspCamera]:
    with rtsp_camera(clip, "bob", PASSWORD) as camera:
        yield camera


def source(kind: SourceKind, location: str, **more: object) -> SourceSpec:
    return SourceSpec(kind, location, **more)  # type: ignore[arg-type]


def shapes(stream: Stream, at_most: int = 1000) -> list[tuple[int, ...]]:
    """The shapes of the frames until the end, with their times checked to grow."""
    found, last_s = [], 0.0
    with closing(stream):
        while len(found) < at_most and stream.grab():
            assert stream.captured_at_s > last_s
            last_s = stream.captured_at_s
            image = stream.retrieve()
            if image is not None:
                found.append(image.shape)
    return found


def cause(spec: SourceSpec, folder: Path) -> str:
    with pytest.raises(StreamUnavailable) as failed:
        open_stream(spec, folder)
    assert failed.value.code in ADVICE
    assert PASSWORD not in str(failed.value)
    return failed.value.code


def test_a_file_plays_once_to_its_end(clip: Path, tmp_path: Path) -> None:
    stream = open_stream(source("file", str(clip)), tmp_path)
    assert (stream.width, stream.height, stream.fps, stream.codec) == (320, 240, 15.0, "mpeg4")
    assert shapes(stream) == [(240, 320, 3)] * 15


def test_a_looping_file_goes_on_and_says_that_it_jumped(tmp_path: Path) -> None:
    quick = write_clip(tmp_path / "quick.mp4", frames=15, fps=100)
    stream = open_stream(source("file", str(quick), loop=True), tmp_path)
    assert len(shapes(stream, 40)) == 40
    assert stream.loop_count == 2


def test_a_simulated_camera_joins_up_without_a_jump(tmp_path: Path) -> None:
    url = "sim://road?duration=4&fps=5&width=160&height=90"
    stream = open_stream(source("sim", url), tmp_path)
    assert len(shapes(stream, 22)) == 22
    assert stream.loop_count == 0


def test_a_file_that_is_no_video_is_refused(clip: Path, tmp_path: Path) -> None:
    empty, text, cut = tmp_path / "empty.mp4", tmp_path / "text.mp4", tmp_path / "cut.mp4"
    empty.touch()
    text.write_text("not a video\n" * 1000)
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    for path in (empty, text, cut):
        assert cause(source("file", str(path)), tmp_path) == "not_a_video"
    assert cause(source("file", str(tmp_path / "gone.mp4")), tmp_path) == "not_found"
    assert cause(source("file", str(tmp_path)), tmp_path) == "not_found"
    assert cause(source("file", "concat:/etc/passwd"), tmp_path) == "refused_scheme"


def test_a_recording_cut_off_in_the_middle_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = write_jpegs(tmp_path / "whole.mjpeg", [(320, 240)] * 12)
    cut = tmp_path / "cut.mjpeg"
    cut.write_bytes(whole.read_bytes()[:-1500])
    assert 8 <= len(shapes(open_stream(source("file", str(cut)), tmp_path))) <= 12


def test_a_file_that_changes_its_resolution_plays_on_in_its_first_size(tmp_path: Path) -> None:
    changing = write_jpegs(tmp_path / "c.mjpeg", [(320, 240)] * 8 + [(160, 120)] * 8)
    found = shapes(open_stream(source("file", str(changing)), tmp_path))
    assert found == [(240, 320, 3)] * 16, "OpenCV scales; lines in 0–1 stay where they were drawn"


def test_a_simulation_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert cause(source("sim", "sim://moon"), tmp_path) == "simulation_invalid"


@pytest.mark.parametrize(
    ("device", "code"),
    [("/dev/video99", "device_missing"), ("98", "device_missing"), ("/etc/passwd", "bad_address")],
)
def test_a_device_that_is_no_camera_is_refused(device: str, code: str, tmp_path: Path) -> None:
    assert cause(source("usb", device), tmp_path) == code


def test_an_rtsp_camera_plays_with_its_password(guarded: RtspCamera, tmp_path: Path) -> None:
    stream = open_stream(source("rtsp", guarded.url, username="bob", password=PASSWORD), tmp_path)
    assert stream.codec == "mpeg4"
    assert shapes(stream, 10) == [(240, 320, 3)] * 10


@pytest.mark.parametrize(
    ("path", "password", "code"),
    [
        ("live", "wrong", "unauthorized"),
        ("live", "", "unauthorized"),
        ("gone", PASSWORD, "not_found"),
        ("audio", PASSWORD, "unsupported_codec"),
        ("vc2", PASSWORD, "unsupported_codec"),
    ],
)
def test_an_rtsp_camera_that_refuses_is_understood(
    path: str, password: str, code: str, guarded: RtspCamera, tmp_path: Path
) -> None:
    url = guarded.url.replace("/live", f"/{path}")
    assert cause(source("rtsp", url, username="bob", password=password), tmp_path) == code


@pytest.mark.parametrize(("kind", "scheme"), [("rtsp", "rtsp"), ("http", "http")])
def test_a_closed_port_is_unreachable(kind: SourceKind, scheme: str, tmp_path: Path) -> None:
    url = f"{scheme}://127.0.0.1:{free_port()}/live"
    assert cause(source(kind, url), tmp_path) == "unreachable"


def test_a_server_that_never_answers_times_out(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        ThreadPoolExecutor(4) as at_once,
    ):
        where = f"127.0.0.1:{silent.getsockname()[1]}/live"
        specs = [
            source("rtsp", f"rtsp://{where}"),
            source("rtsp", f"rtsps://{where}"),
            source("http", f"http://{where}"),
            source("http", f"https://{where}"),
        ]
        causes = list(at_once.map(lambda spec: cause(spec, tmp_path), specs))
    assert causes == ["timeout"] * 4


@pytest.mark.parametrize(("kind", "scheme"), [("rtsp", "rtsp"), ("http", "http")])
def test_a_server_of_another_kind_is_a_camera_error(
    kind: SourceKind, scheme: str, tmp_path: Path
) -> None:
    def greet(server: socket.socket) -> None:
        with server.accept()[0] as peer:
            peer.recv(4096)
            peer.sendall(b"220 mail.example ESMTP\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=greet, args=(server,), daemon=True).start()
        url = f"{scheme}://127.0.0.1:{server.getsockname()[1]}/live"
        assert cause(source(kind, url), tmp_path) == "camera_error"


@pytest.mark.parametrize("stated_length", [True, False])
def test_an_mjpeg_camera_plays(stated_length: bool, tmp_path: Path) -> None:
    with http_camera(mjpeg(pictures=12, stated_length=stated_length, fps=100)) as url:
        found = shapes(open_stream(source("http", url), tmp_path))
    assert len(found) >= 10
    assert set(found) == {(240, 320, 3)}


def test_an_mjpeg_camera_may_change_its_resolution(tmp_path: Path) -> None:
    answer = mjpeg(pictures=20, sizes=((320, 240), (160, 120)), fps=100)
    with http_camera(answer) as url:
        found = shapes(open_stream(source("http", url), tmp_path))
    assert set(found) == {(240, 320, 3), (120, 160, 3)}


def test_an_mjpeg_camera_wants_its_password(tmp_path: Path) -> None:
    with http_camera(mjpeg(pictures=3, credentials=f"bob:{PASSWORD}", fps=100)) as url:
        assert cause(source("http", url), tmp_path) == "unauthorized"
        right = source("http", url, username="bob", password=PASSWORD)
        assert shapes(open_stream(right, tmp_path))


def answering(status: int, content_type: str = "", body: bytes = b"", location: str = "") -> object:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in (("Content-Type", content_type), ("Location", location)):
            if value:
                request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return answer


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (answering(404), "not_found"),
        (answering(403), "unauthorized"),
        (answering(503), "camera_error"),
        (answering(200, "text/html", b"<html>"), "unsupported_codec"),
        (answering(200, "image/jpeg", b"\xff\xd8"), "unsupported_codec"),
        (answering(200, "multipart/x-mixed-replace; boundary=b"), "no_frames"),
        (answering(302, location="http://169.254.169.254/latest/"), "refused_address"),
        (answering(302, location="file:///etc/passwd"), "refused_scheme"),
        (answering(302, location="/again"), "camera_error"),
    ],
)
def test_an_http_camera_that_refuses_is_understood(
    answer: object, code: str, tmp_path: Path
) -> None:
    with http_camera(answer) as url:  # type: ignore[arg-type]
        assert cause(source("http", url), tmp_path) == code


def test_a_password_is_not_carried_to_another_host(tmp_path: Path) -> None:
    asked: list[str | None] = []

    def thief(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.headers.get("Authorization"))
        request.send_response(401)
        request.send_header("WWW-Authenticate", 'Basic realm="mine"')
        request.end_headers()

    with http_camera(thief) as other, http_camera(answering(302, location=other)) as url:  # type: ignore[arg-type]
        spec = source("http", url, username="bob", password=PASSWORD)
        assert cause(spec, tmp_path) == "unauthorized"
    assert asked == [None]


def test_a_jpeg_that_claims_to_be_enormous_is_refused_before_it_is_decoded(
    tmp_path: Path,
) -> None:
    data = bytearray(jpeg(0))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    part = b"--b\r\nContent-Length: %d\r\n\r\n" % len(data) + bytes(data) + b"\r\n"
    answer = answering(200, "multipart/x-mixed-replace; boundary=b", part * 3)
    with http_camera(answer) as url:  # type: ignore[arg-type]
        assert cause(source("http", url), tmp_path) == "bad_picture"


@pytest.mark.parametrize(
    ("sdp", "codec"),
    [
        ("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000", "h264"),
        ("m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 98\r\na=rtpmap:98 H265/90000", "hevc"),
        ("m=video 0 RTP/AVP 26\r\n", "mjpeg"),
        ("m=application 0 RTP/AVP 107\r\nm=video 0 RTP/AVP 97\r\na=rtpmap:97 JPEG/90000", "mjpeg"),
    ],
)
def test_the_codec_is_read_from_the_session_description(sdp: str, codec: str) -> None:
    assert sdp_codec(sdp) == codec


def test_a_clip_copied_to_a_name_with_signs_of_its_own_plays(clip: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a b%20#?&é.mp4"
    shutil.copy(clip, odd)
    assert len(shapes(open_stream(source("file", str(odd)), tmp_path))) == 15
