"""HTTP cameras that send one JPEG after another (multipart/x-mixed-replace).

Read here rather than by FFmpeg: causes are typed, waiting is bounded, and a picture that nobody
analyses is never decoded.
"""

from __future__ import annotations

import re
import socket
import time
from http.client import HTTPException, HTTPResponse
from urllib.parse import urljoin

import cv2
import numpy as np
from numpy.typing import NDArray

from sensing.worker.addresses import NetworkAddress, resolve
from sensing.worker.authentication import authorization
from sensing.worker.connection import connect
from sensing.worker.errors import StreamUnavailable
from sensing.worker.frame_clock import FrameClock
from sensing.worker.jpeg_size import jpeg_size
from sensing.worker.opencv_stream import MAX_PIXELS
from sensing.worker.plan import SourceSpec

MAX_REDIRECTS = 3
MAX_PART = 16 * 1024 * 1024
MAX_HEAD = 16 * 1024
READ_SIZE = 64 * 1024


class MjpegStream:
    """A multipart stream; ``grab`` reads one part, ``retrieve`` decodes it."""

    live = True
    loop_count = 0
    codec = "mjpeg"
    fps = 0.0

    def __init__(self, source: SourceSpec) -> None:
        self._response, boundary = _open(source)
        self._parts = PartReader(self._response, boundary)
        self._clock = FrameClock()
        self._jpeg = b""
        self.captured_at_s = 0.0
        self.width = self.height = 0
        try:
            if not self.grab():
                raise StreamUnavailable("no_frames", "the stream ended before its first picture")
        except StreamUnavailable:
            self.close()
            raise

    def grab(self) -> bool:
        try:
            jpeg = self._parts.next()
        except TimeoutError:
            raise StreamUnavailable("no_frames", "no picture came in time") from None
        except (OSError, HTTPException, ValueError):
            # ValueError: the response was closed under the reader.
            return False
        if jpeg is None:
            return False
        self._jpeg = jpeg
        size = jpeg_size(jpeg)
        if size is not None:
            self.width, self.height = size
            if self.width * self.height > MAX_PIXELS:
                detail = f"expected at most {MAX_PIXELS} pixels, got {self.width}×{self.height}"
                raise StreamUnavailable("bad_picture", detail, True)
        self.captured_at_s = self._clock.read(None, time.time())
        return True

    def retrieve(self) -> NDArray[np.uint8] | None:
        if jpeg_size(self._jpeg) is None:
            return None
        image = cv2.imdecode(np.frombuffer(self._jpeg, np.uint8), cv2.IMREAD_COLOR)
        return None if image is None else np.asarray(image, np.uint8)

    def close(self) -> None:
        self._response.close()


class PartReader:
    """Splits a multipart body into its parts, with or without Content-Length."""

    def __init__(self, response: HTTPResponse, boundary: str) -> None:
        self._response = response
        # Cameras disagree on whether the boundary's own dashes are part of the delimiter.
        bare = boundary.strip('"').lstrip("-").encode("latin-1")
        self._delimiter = re.compile(rb"\r?\n?-{2,}" + re.escape(bare) + rb"(--)?[ \t]*\r?\n")
        self._buffer = b""

    def next(self) -> bytes | None:
        """The next part's body; None when the stream ends."""
        while True:
            start = self._find(self._delimiter, MAX_PART)
            if start is None or start[1]:
                return None
            self._buffer = self._buffer[start.end() :]
            head = self._find(re.compile(rb"\r?\n\r?\n"), MAX_HEAD)
            if head is None:
                return None
            stated = re.search(rb"(?i)content-length:\s*(\d{1,9})", self._buffer[: head.start()])
            self._buffer = self._buffer[head.end() :]
            body = self._sized(int(stated[1])) if stated else self._unsized()
            if body is None or body:
                return body

    def _sized(self, length: int) -> bytes | None:
        if length > MAX_PART:
            raise StreamUnavailable("bad_picture", f"one picture of {length} bytes", True)
        while len(self._buffer) < length:
            if not self._read():
                return None
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return body

    def _unsized(self) -> bytes | None:
        end = self._find(self._delimiter, MAX_PART)
        if end is None:
            return None
        body, self._buffer = self._buffer[: end.start()], self._buffer[end.start() :]
        return body

    def _find(self, pattern: re.Pattern[bytes], limit: int) -> re.Match[bytes] | None:
        searched = 0
        while (match := pattern.search(self._buffer, searched)) is None:
            searched = max(0, len(self._buffer) - 256)
            if len(self._buffer) > limit:
                raise StreamUnavailable("camera_error", "the stream is no multipart stream", True)
            if not self._read():
                return None
        return match

    def _read(self) -> bool:
        part = self._response.read1(READ_SIZE)
        self._buffer += part
        return bool(part)


def _open(source: SourceSpec) -> tuple[HTTPResponse, str]:
    """Request the stream, through redirects and a challenge; returns it with its boundary."""
    location = source.location
    origin = None
    for _ in range(MAX_REDIRECTS + 1):
        address = resolve("http", location)
        origin = origin or (address.scheme, address.host, address.port)
        # A redirect must not carry the camera's password to another host.
        known = origin == (address.scheme, address.host, address.port)
        response = _request(address, None)
        if response.status == 401 and known and (source.username or source.password):
            challenges = response.headers.get_all("WWW-Authenticate") or []
            response.close()
            answer = authorization(
                challenges, "GET", address.target, source.username, source.password
            )
            response = _request(address, answer)
        if response.status in (301, 302, 303, 307, 308):
            location = urljoin(address.url(), response.headers.get("Location", ""))
            response.close()
            continue
        return _accept(response)
    raise StreamUnavailable("camera_error", "the address leads in circles", True)


def _request(address: NetworkAddress, authorized: str | None) -> HTTPResponse:
    connected = connect(address)
    lines = [f"GET {address.target} HTTP/1.1", f"Host: {address.host}:{address.port}",
             "User-Agent: AISION", "Accept: multipart/x-mixed-replace, image/jpeg",
             "Connection: close"]  # fmt: skip
    if authorized is not None:
        lines.append(f"Authorization: {authorized}")
    try:
        return _answer(connected, ("\r\n".join(lines) + "\r\n\r\n").encode())
    except TimeoutError:
        raise StreamUnavailable("timeout", f"no answer from {address.host}") from None
    except HTTPException:
        raise StreamUnavailable("camera_error", "the answer is not HTTP", True) from None
    except OSError:
        raise StreamUnavailable("unreachable", f"connection to {address.host} lost") from None
    finally:
        connected.close()  # the response holds its own reference


def _answer(connected: socket.socket, request: bytes) -> HTTPResponse:
    connected.sendall(request)
    response = HTTPResponse(connected, method="GET")
    try:
        response.begin()
    except BaseException:
        response.close()
        raise
    return response


def _accept(response: HTTPResponse) -> tuple[HTTPResponse, str]:
    refused: StreamUnavailable | None = None
    boundary = response.headers.get_param("boundary")
    if response.status in (401, 403):
        refused = StreamUnavailable("unauthorized", f"HTTP {response.status}", True)
    elif response.status in (404, 410):
        refused = StreamUnavailable("not_found", f"HTTP {response.status}", True)
    elif response.status != 200:
        refused = StreamUnavailable("camera_error", f"HTTP {response.status}")
    elif response.headers.get_content_maintype() != "multipart" or not isinstance(boundary, str):
        sent = response.headers.get_content_type()
        refused = StreamUnavailable(
            "unsupported_codec", f"expected a multipart JPEG stream, got {sent}", True
        )
    if refused is not None:
        response.close()
        raise refused
    return response, str(boundary)
