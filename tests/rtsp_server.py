"""A real RTSP/1.0 camera for tests: ``python -m tests.rtsp_server CLIP PORT [USER PASSWORD]``.

Plays an MPEG-4 part 2 clip (the only interframe codec that the OpenCV wheel encodes) as RFC 6416
RTP over the RTSP connection, in real time and in a loop. Runs as its own process, so that tests can
kill it, stop it with SIGSTOP and start it again. Paths: ``/live`` plays; ``/audio`` announces no
video; ``/vc2`` a codec nobody decodes; ``/mute`` plays nothing; all else is 404.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import socketserver
import struct
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import cv2

REALM = "camera"
PAYLOAD = 96
PACKET = 1400


@dataclass(frozen=True)
class Clip:
    """Encoded pictures of a clip, as FFmpeg demuxes them, and the decoder's configuration."""

    pictures: tuple[bytes, ...]
    configuration: bytes
    fps: float


def read_clip(path: Path) -> Clip:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
    index = int(capture.get(cv2.CAP_PROP_CODEC_EXTRADATA_INDEX))
    _, configuration = capture.retrieve(flag=index)
    pictures: list[bytes] = []
    while True:
        more, packet = capture.read()
        if not more:
            break
        pictures.append(packet.tobytes())
    fps = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return Clip(tuple(pictures), configuration.tobytes(), fps)


class Camera(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    # A stopped process still accepts in the kernel; many attempts must fit.
    request_queue_size = 64

    def __init__(self, port: int, clip: Clip, username: str, password: str) -> None:
        self.clip, self.username, self.password = clip, username, password
        self.nonce = secrets.token_hex(16)
        super().__init__(("127.0.0.1", port), Session)

    def sdp(self, path: str) -> str:
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=test", "t=0 0", "c=IN IP4 0.0.0.0"]
        if path == "/audio":
            lines += ["m=audio 0 RTP/AVP 0", "a=control:track0"]
        elif path == "/vc2":
            lines += [f"m=video 0 RTP/AVP {PAYLOAD}", f"a=rtpmap:{PAYLOAD} VC2/90000"]
        else:
            lines += [
                f"m=video 0 RTP/AVP {PAYLOAD}",
                f"a=rtpmap:{PAYLOAD} MP4V-ES/90000",
                f"a=fmtp:{PAYLOAD} profile-level-id=1;config={self.clip.configuration.hex()}",
                f"a=framerate:{self.clip.fps:g}",
                "a=control:track1",
            ]
        return "\r\n".join(lines) + "\r\n"


class Session(socketserver.StreamRequestHandler):
    server: Camera

    def setup(self) -> None:
        super().setup()
        self.lock = threading.Lock()
        self.over = threading.Event()

    def finish(self) -> None:
        self.over.set()

    def handle(self) -> None:
        try:
            while request := self.read_request():
                self.answer(*request)
        except (ConnectionError, ValueError, OSError):
            pass

    def read_request(self) -> tuple[str, str, dict[str, str]] | None:
        first = self.rfile.read(1)
        while first == b"$":  # the player's own RTCP
            _, length = struct.unpack("!BH", self.rfile.read(3))
            self.rfile.read(length)
            first = self.rfile.read(1)
        line = first + self.rfile.readline()
        if not line.strip():
            return None
        method, url, _ = line.decode().split(" ", 2)
        headers: dict[str, str] = {}
        while header := self.rfile.readline().decode().strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        return method, url, headers

    def answer(self, method: str, url: str, headers: dict[str, str]) -> None:
        path = re.sub(r"rtsp://[^/]*", "", url).rstrip("/").removesuffix("/track1")
        sequence = f"CSeq: {headers.get('cseq', '0')}"
        if method == "OPTIONS":
            self.reply("200 OK", sequence, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        elif not self.allowed(method, headers.get("authorization", "")):
            challenge = f'Digest realm="{REALM}", nonce="{self.server.nonce}", algorithm=MD5'
            self.reply("401 Unauthorized", sequence, f"WWW-Authenticate: {challenge}")
        elif path not in ("/live", "/audio", "/vc2", "/mute"):
            self.reply("404 Not Found", sequence)
        elif method == "DESCRIBE":
            body = self.server.sdp(path)
            self.reply(
                "200 OK",
                sequence,
                f"Content-Base: {url}/",
                "Content-Type: application/sdp",
                f"Content-Length: {len(body)}",
                body=body,
            )
        elif method == "SETUP":
            transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
            self.reply("200 OK", sequence, f"Transport: {transport}", "Session: 12345678")
        elif method == "PLAY":
            self.reply("200 OK", sequence, "Session: 12345678", "Range: npt=0.000-")
            if path == "/live":
                threading.Thread(target=self.play, daemon=True).start()
        else:
            self.reply("200 OK", sequence, "Session: 12345678")

    def allowed(self, method: str, authorization: str) -> bool:
        if not self.server.username:
            return True
        given = dict(re.findall(r'(\w+)="([^"]*)"', authorization))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        key = md5(f"{self.server.username}:{REALM}:{self.server.password}")
        request = md5(f"{method}:{given.get('uri', '')}")
        wanted = md5(f"{key}:{self.server.nonce}:{request}")
        return given.get("username") == self.server.username and given.get("response") == wanted

    def reply(self, status: str, *headers: str, body: str = "") -> None:
        text = "\r\n".join([f"RTSP/1.0 {status}", *headers]) + "\r\n\r\n" + body
        with self.lock:
            self.wfile.write(text.encode())

    def play(self) -> None:
        clip, started_s, sequence = self.server.clip, time.monotonic(), 0
        try:
            for number in range(sys.maxsize):
                due_s = started_s + number / clip.fps
                if self.over.wait(max(0.0, due_s - time.monotonic())):
                    return
                picture = clip.pictures[number % len(clip.pictures)]
                stamp = int(number / clip.fps * 90000) & 0xFFFFFFFF
                for start in range(0, len(picture), PACKET):
                    last = start + PACKET >= len(picture)
                    marked = PAYLOAD | (0x80 if last else 0)
                    packet = struct.pack("!BBHII", 0x80, marked, sequence & 0xFFFF, stamp, 0x5A5A)
                    packet += picture[start : start + PACKET]
                    with self.lock:
                        self.wfile.write(struct.pack("!cBH", b"$", 0, len(packet)) + packet)
                    sequence += 1
        except OSError:
            return


def main(arguments: list[str]) -> None:
    clip, port = read_clip(Path(arguments[0])), int(arguments[1])
    username, password = arguments[2:4] if len(arguments) > 2 else ("", "")
    with Camera(port, clip, username, password) as camera:
        print("ready", flush=True)
        camera.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
