"""What children of the sandbox are made to do in the tests."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Progress = Callable[[float, str], None]


class Refused(Exception):
    """An error that has a code, as the typed errors of the registry have."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def echo(request: Any, progress: Progress) -> Any:
    return request


def count(request: int, progress: Progress) -> int:
    for i in range(1, request + 1):
        progress(i / request, f"step {i}")
        time.sleep(0.06)
    return request


def refuse(request: list[str], progress: Progress) -> None:
    raise Refused(*request)


def stumble(request: Any, progress: Progress) -> None:
    raise KeyError("nobody foresaw this")


def allocate_python(request: Any, progress: Progress) -> None:
    kept = []
    while True:
        kept.append(bytearray(16 * 1024 * 1024))


def allocate_resident(request: Any, progress: Progress) -> None:
    kept = []
    while True:
        kept.append(b"x" * 4_000_000)


def allocate_in_c(request: Any, progress: Progress) -> None:
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def spin(request: Any, progress: Progress) -> None:
    while True:
        pass


def sleep_for_ever(request: Any, progress: Progress) -> None:
    progress(0.5, "asleep")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


def segfault(request: Any, progress: Progress) -> None:
    print("about to fall in /opt/secret/place/model.bin", file=sys.stderr, flush=True)
    ctypes.string_at(0)


def leave(request: int, progress: Progress) -> None:
    os._exit(request)


def write_file(request: list[Any], progress: Progress) -> int:
    path, size = request
    with open(path, "wb") as file:
        for _ in range(size // 65536):
            file.write(bytes(65536))
    return Path(path).stat().st_size


def write_many(request: str, progress: Progress) -> None:
    for i in range(1_000_000):
        Path(request, str(i)).write_bytes(bytes(65536))


def read_file(request: str, progress: Progress) -> bytes:
    return Path(request).read_bytes()


def list_folder(request: str, progress: Progress) -> list[str]:
    return os.listdir(request)


def connect(request: int, progress: Progress) -> str:
    with socket.create_connection(("127.0.0.1", request), timeout=2) as connection:
        return connection.recv(10).decode()


def start_program(request: Any, progress: Progress) -> str:
    return subprocess.check_output(["/bin/echo", "started"], text=True)


def fork(request: Any, progress: Progress) -> int:
    return os.fork()


def start_thread(request: Any, progress: Progress) -> str:
    said: list[str] = []
    thread = threading.Thread(target=said.append, args=("from a thread",))
    thread.start()
    thread.join()
    return said[0]


def signal_process(request: int, progress: Progress) -> None:
    os.kill(request, 0)


def environment(request: Any, progress: Progress) -> dict[str, str]:
    return dict(os.environ)


def imported(request: Any, progress: Progress) -> list[str]:
    return sorted({name.partition(".")[0] for name in sys.modules})


def print_noise(request: Any, progress: Progress) -> str:
    print("R" * 1_000_000)
    os.write(1, b"P\x00\x00" * 1000)
    os.write(2, b"\xff\xfe" * 100_000)
    return "heard"


def answer_much(request: int, progress: Progress) -> bytes:
    return bytes(request)


def answer_deep(request: int, progress: Progress) -> list[Any]:
    deep: list[Any] = []
    for _ in range(request):
        deep = [deep]
    return deep


def forge(request: bytes, progress: Progress) -> None:
    """Writes to the pipe what only a child that was taken over would write."""
    pipe = max(int(x) for x in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{x}"))
    for name in sorted(os.listdir("/proc/self/fd"), key=int):
        if int(name) > 2 and os.readlink(f"/proc/self/fd/{name}").startswith("pipe:"):
            pipe = int(name)
    os.write(pipe, request)
    time.sleep(60)
