"""Real cameras for tests: video files, an RTSP server process, an HTTP MJPEG server."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.shared_data import ROOT

FPS = 15.0
Image = NDArray[np.uint8]


def scene_image(number: int, width: int = 320, height: int = 240) -> Image:
    """A still street with a light box that passes from left to right every three seconds."""
    image = np.random.default_rng(1).integers(70, 90, (height, width, 3)).astype(np.uint8)
    image = cv2.GaussianBlur(image, (0, 0), 2)
    at = int((number / FPS / 3.0) % 1.0 * (width + 80)) - 80
    top = height // 2
    cv2.rectangle(image, (at, top), (at + 70, top + 40), (220, 225, 230), -1)
    return np.asarray(image, np.uint8)


def write_clip(
    path: Path, frames: int = 45, width: int = 320, height: int = 240, fps: float = FPS
) -> Path:
    """An MPEG-4 clip of the street; 45 frames are one whole passage."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
    assert writer.isOpened()
    for number in range(frames):
        writer.write(scene_image(number, width, height))
    writer.release()
    return path


def write_jpegs(path: Path, sizes: list[tuple[int, int]]) -> Path:
    """A file of JPEG after JPEG, one for each size: a video that changes its resolution."""
    path.write_bytes(b"".join(jpeg(number, *size) for number, size in enumerate(sizes)))
    return path


def jpeg(number: int, width: int = 320, height: int = 240) -> bytes:
    done, data = cv2.imencode(".jpg", scene_image(number, width, height))
    assert done
    return data.tobytes()


def free_port() -> int:
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        return int(probing.getsockname()[1])


class RtspCamera:
    """The server of ``tests.rtsp_server`` in a process that can be killed, hung and restarted."""

    def __init__(self, clip: Path, username: str = "", password: str = "") -> None:
        self.port = free_port()
        self._arguments = [str(clip), str(self.port)]
        self._arguments += [username, password] if username else []
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.rtsp_server", *self._arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def hang(self) -> None:
        """Keep every connection open and say nothing more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def rtsp_camera(clip: Path, username: str = "", password: str = "") -> Iterator[RtspCamera]:
    camera = RtspCamera(clip, username, password)
    try:
        yield camera
    finally:
        camera.kill()


Answer = Callable[[BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def http_camera(answer: Answer) -> Iterator[str]:
    """An HTTP server whose every GET is answered by ``answer``; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(OSError):
                answer(self)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def mjpeg(
    *,
    pictures: int | None = None,
    sizes: tuple[tuple[int, int], ...] = ((320, 240),),
    stated_length: bool = True,
    credentials: str = "",
    fps: float = FPS,
) -> Answer:
    """Answers with a multipart stream; ``sizes`` take turns, ten pictures each."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        given = request.headers.get("Authorization", "")
        if credentials and given != f"Basic {b64encode(credentials.encode()).decode()}":
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="camera"')
            request.end_headers()
            return
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=--frame")
        request.end_headers()
        number = 0
        while pictures is None or number < pictures:
            data = jpeg(number, *sizes[number // 10 % len(sizes)])
            length = f"Content-Length: {len(data)}\r\n" if stated_length else ""
            head = f"--frame\r\nContent-Type: image/jpeg\r\n{length}\r\n"
            request.wfile.write(head.encode() + data + b"\r\n")
            number += 1
            time.sleep(1.0 / fps)

    return answer
