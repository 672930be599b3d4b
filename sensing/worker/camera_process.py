"""The supervisor's side of one camera's process."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from sensing.worker.messages import Message
from sensing.worker.network_video import FFMPEG_OPTIONS
from sensing.worker.opencv_stream import MAX_PIXELS
from sensing.worker.outbox import Beat
from sensing.worker.plan import CameraPlan

PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])
START_PATIENCE_S = 30.0
STARVED_PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message and the process it came from; None: that process's pipe has ended."""

    process: CameraProcess
    message: Message | None


Inbox = queue.Queue[Arrival]


class CameraProcess:
    """A running worker. A thread reads its pipe, so that a frozen worker blocks nobody else."""

    def __init__(self, plan: CameraPlan, clips_dir: str, inbox: Inbox) -> None:
        self.plan = plan
        self.started_s = time.monotonic()
        self.watched = False
        self.ended = False
        """Its pipe has ended: all that it said has been read."""
        self._inbox = inbox
        self._heard_s, self._patience_s = self.started_s, START_PATIENCE_S
        self._waiting_for_inbox = False
        self._commands, self._messages, self._process = _start(plan)
        threading.Thread(target=self._read, name=f"camera {plan.camera_id}", daemon=True).start()
        self._send((plan, clips_dir))

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs; negative is the signal that ended it."""
        return self._process.poll()

    def silent(self) -> bool:
        """Whether it has been quiet for longer than it announced; never while we do not read.

        One that is ready to run, but does not get to it on a busy machine, is given more time.
        """
        quiet_s = time.monotonic() - self._heard_s
        if self._waiting_for_inbox or quiet_s <= self._patience_s:
            return False
        return quiet_s > STARVED_PATIENCE * self._patience_s or not self._runnable()

    def _runnable(self) -> bool:
        try:
            threads = [path.read_text() for path in Path(f"/proc/{self.pid}/task").glob("*/stat")]
        except OSError:  # a thread that has just ended
            return True
        return any(text.rpartition(")")[2].split()[0] == "R" for text in threads)

    def forgive(self) -> None:
        """Start waiting anew: it was we who did not listen."""
        self._heard_s = time.monotonic()

    def watch(self, watched: bool) -> None:
        if watched != self.watched:
            self.watched = watched
            self._send("watch" if watched else "unwatch")

    def go_over_to(self, plan: CameraPlan) -> None:
        """Follow a plan in which only the detectors differ, without a restart."""
        self.plan = plan
        self._send(plan)

    def stop(self) -> None:
        """Ask it to flush its facts and end."""
        self._send("stop")

    def kill(self) -> None:
        self._process.kill()

    def close(self, timeout_s: float = 1.0) -> None:
        """Release what the ended process held."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        self._commands.close()

    def _send(self, command: object) -> None:
        # A worker that has just died is found by its pipe's end, not here.
        with contextlib.suppress(OSError):
            self._commands.send(command)

    def _read(self) -> None:
        while True:
            try:
                message: Message | Beat = self._messages.recv()
            except (EOFError, OSError):
                break
            if isinstance(message, Beat):
                self._patience_s = message.patience_s
            else:
                self._waiting_for_inbox = True
                self._inbox.put(Arrival(self, message))
                self._waiting_for_inbox = False
            self._heard_s = time.monotonic()
        self._messages.close()
        self._inbox.put(Arrival(self, None))


def _start(plan: CameraPlan) -> tuple[Connection, Connection, subprocess.Popen[bytes]]:
    commands_in, commands_out = os.pipe()
    messages_in, messages_out = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "sensing.worker.child", str(commands_in), str(messages_out)],
            pass_fds=(commands_in, messages_out),
            env=worker_environment(rtsp=plan.source.kind == "rtsp"),
            stdin=subprocess.DEVNULL,
        )
    except OSError:
        os.close(commands_out)
        os.close(messages_in)
        raise
    finally:
        os.close(commands_in)
        os.close(messages_out)
    return (
        Connection(commands_out, readable=False),
        Connection(messages_in, writable=False),
        process,
    )


def worker_environment(*, rtsp: bool) -> dict[str, str]:
    """The environment of a process that decodes video: quiet, single-threaded, importable.

    The libraries read these at import or at open, so they cannot be set any later.
    """
    environment = dict(os.environ)
    path = environment.get("PYTHONPATH")
    environment |= {
        "PYTHONPATH": os.pathsep.join([PACKAGE_ROOT, path] if path else [PACKAGE_ROOT]),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "OPENCV_IO_MAX_IMAGE_PIXELS": str(MAX_PIXELS),
        # Both would print the camera's URL, password included, when it cannot be opened.
        "OPENCV_LOG_LEVEL": "SILENT",
        "OPENCV_FFMPEG_LOGLEVEL": "-8",
    }
    environment.pop("OPENCV_FFMPEG_CAPTURE_OPTIONS", None)
    if rtsp:
        environment["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = FFMPEG_OPTIONS
    return environment
