"""Asks an RTSP camera what it would send, because FFmpeg does not say why it failed."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass

from sensing.worker.addresses import NetworkAddress
from sensing.worker.authentication import authorization
from sensing.worker.connection import ANSWER_TIMEOUT_S, connect
from sensing.worker.errors import StreamUnavailable

# Encoding names of RTP payloads (RFC 4855 registry) that FFmpeg depacketises and decodes.
RTP_CODECS = {
    "h264": "h264", "h265": "hevc", "hevc": "hevc", "jpeg": "mjpeg", "mp4v-es": "mpeg4",
    "mpv": "mpeg2", "vp8": "vp8", "vp9": "vp9", "av1": "av1", "mp2t": "mpegts",
}  # fmt: skip
STATIC_PAYLOADS = {26: "mjpeg", 32: "mpeg2", 33: "mpegts"}
MAX_ANSWER = 256 * 1024


@dataclass(frozen=True)
class RtspAnswer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


def preflight(address: NetworkAddress, username: str, password: str) -> str:
    """The video codec that the camera announces for this path.

    Raises ``StreamUnavailable``: unreachable, timeout, unauthorized, not_found, camera_error,
    unsupported_codec.
    """
    with connect(address) as connected:
        talk = _Talk(connected, address)
        answer = talk.ask("DESCRIBE")
        if answer.status == 401 and (username or password):
            answer = talk.ask(
                "DESCRIBE",
                authorization(
                    answer.all("www-authenticate"), "DESCRIBE", address.url(), username, password
                ),
            )
    _refuse_status(answer.status)
    return sdp_codec(answer.body)


def sdp_codec(sdp: str) -> str:
    """The codec of the first decodable video track of a session description (RFC 8866)."""
    found: list[str] = []
    payload, in_video = -1, False
    for line in sdp.splitlines():
        if line.startswith("m="):
            media = re.match(r"m=video\s+\S+\s+\S+\s+(\d+)", line)
            in_video = media is not None
            payload = int(media[1]) if media else -1
            if payload in STATIC_PAYLOADS:
                return STATIC_PAYLOADS[payload]
        elif in_video and (mapped := re.match(rf"a=rtpmap:{payload}\s+([^/\s]+)", line)):
            name = mapped[1].lower()
            if name in RTP_CODECS:
                return RTP_CODECS[name]
            found.append(mapped[1][:40])
    detail = f"the camera sends {', '.join(found)}" if found else "the camera announces no video"
    raise StreamUnavailable("unsupported_codec", detail, True)


def _refuse_status(status: int) -> None:
    if status in (401, 403):
        raise StreamUnavailable("unauthorized", f"RTSP {status}", True)
    if status in (404, 410) or 300 <= status < 400:
        raise StreamUnavailable("not_found", f"RTSP {status}", True)
    if status != 200:
        raise StreamUnavailable("camera_error", f"RTSP {status}")


class _Talk:
    """Requests and answers on one connection, within one time limit."""

    def __init__(self, connected: socket.socket, address: NetworkAddress) -> None:
        self._socket, self._address = connected, address
        self._sequence = 0
        self._deadline_s = time.monotonic() + ANSWER_TIMEOUT_S
        self._buffer = b""

    def ask(self, method: str, authorized: str | None = None) -> RtspAnswer:
        self._sequence += 1
        lines = [
            f"{method} {self._address.url()} RTSP/1.0",
            f"CSeq: {self._sequence}",
            "User-Agent: AISION",
            "Accept: application/sdp",
        ]
        if authorized is not None:
            lines.append(f"Authorization: {authorized}")
        try:
            self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            return self._answer()
        except TimeoutError:
            raise StreamUnavailable("timeout", f"no answer to {method}") from None
        except OSError:
            raise StreamUnavailable("unreachable", f"connection lost at {method}") from None

    def _answer(self) -> RtspAnswer:
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = re.match(r"RTSP/\d\.\d (\d{3})", lines[0])
        if status is None:
            raise StreamUnavailable("camera_error", "the answer is not RTSP", True)
        headers = tuple(
            (name.strip().lower(), value.strip())
            for name, _, value in (line.partition(":") for line in lines[1:])
        )
        length = next((v for k, v in headers if k == "content-length"), "0")
        wanted = int(length) if length.isdigit() else 0
        while len(self._buffer) < min(wanted, MAX_ANSWER):
            self._receive()
        body, self._buffer = self._buffer[:wanted], self._buffer[wanted:]
        return RtspAnswer(int(status[1]), headers, body.decode("utf-8", "replace"))

    def _receive(self) -> None:
        remaining_s = self._deadline_s - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError
        self._socket.settimeout(remaining_s)
        part = self._socket.recv(16384)
        if not part:
            raise ConnectionResetError
        self._buffer += part
        if len(self._buffer) > MAX_ANSWER:
            raise StreamUnavailable("camera_error", "the answer is not RTSP", True)
