"""A camera's process: ``python -m sensing.worker.child IN OUT``, started by the supervisor.

The plan comes through the pipe, never through arguments, for it holds a password.
"""

from __future__ import annotations

import os
import queue
import resource
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import cv2

from sensing.worker.addresses import redact
from sensing.worker.loop import CameraLoop
from sensing.worker.messages import Status
from sensing.worker.outbox import Outbox
from sensing.worker.plan import CameraPlan

# A video that wants more is an attack or a mistake; the other cameras need their share.
MEMORY_BYTES = 6 * 1024**3
FLUSH_S = 2.0


def main(arguments: list[str]) -> int:
    """Run the camera that the supervisor describes until it says stop or is gone."""
    # The supervisor decides when to stop: a Ctrl-C or SIGTERM to the group must not lose facts.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cv2.setNumThreads(1)
    commands = Connection(int(arguments[0]), writable=False)
    outbox = Outbox(Connection(int(arguments[1]), readable=False))
    plan, clips_dir = commands.recv()
    stopping, watched = threading.Event(), threading.Event()
    plans: queue.SimpleQueue[CameraPlan] = queue.SimpleQueue()
    threading.Thread(
        target=obey, args=(commands, stopping, watched, plans), name="commands", daemon=True
    ).start()
    loop = CameraLoop(plan, Path(clips_dir), outbox, stopping, watched, plans=plans)
    return sense(loop, plan, outbox)


def sense(loop: CameraLoop, plan: CameraPlan, outbox: Outbox) -> int:
    """Run the loop; whatever goes wrong in it is told and ends this process only."""
    code = 0
    try:
        loop.run()
    except Exception as error:  # noqa: BLE001 - process boundary: the supervisor starts it again
        secret = plan.source.password
        print(redact(traceback.format_exc(), secret), file=sys.stderr, flush=True)
        detail = redact(f"{type(error).__name__}: {error}", secret)[:300]
        outbox.put(Status(plan.camera_id, "", "failed", "crashed", detail))
        code = 1
    outbox.flush(FLUSH_S)
    return code


def obey(
    commands: Connection,
    stopping: threading.Event,
    watched: threading.Event,
    plans: queue.SimpleQueue[CameraPlan],
) -> None:
    """Follow the supervisor's commands; when it is gone there is nobody left to count for."""
    while True:
        try:
            command = commands.recv()
        except (EOFError, OSError):
            os._exit(2)
        if command == "stop":
            stopping.set()
        elif command in ("watch", "unwatch"):
            (watched.set if command == "watch" else watched.clear)()
        elif isinstance(command, CameraPlan):
            plans.put(command)


if __name__ == "__main__":
    # Threads that hang in a decoder must not keep the process.
    os._exit(main(sys.argv[1:]))
