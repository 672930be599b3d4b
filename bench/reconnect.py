"""How fast a camera's trouble is seen, and how fast frames flow again.

    python -m bench.reconnect [--rounds 5]

Two RTSP servers, two workers. The first server is killed and started again, stopped (SIGSTOP) and
continued; the first worker is killed and frozen. Seconds are from the deed to the first message
that tells of it, as the supervisor's caller sees it; of a return, to the first frame. The
second camera's longest pause between analysed frames shows whether it was disturbed.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sensing.worker.messages import Message, Overlay, Status
from sensing.worker.plan import CameraPlan, SourceSpec, WorkerPlan
from sensing.worker.supervisor import LIVED_LONG_S, Supervisor
from tests.cameras import rtsp_camera, write_clip

SCENE = {"lines": [{"name": "Road", "points": [[0.5, 0.2], [0.5, 0.9]]}]}
TIMEOUT_S = 30.0


class Bench:
    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.seconds: dict[str, list[float]] = {}
        self._neighbour_s: float | None = None
        self.neighbour_pause_s = 0.0

    def until(self, wanted: Callable[[Message], bool]) -> float:
        """Monotonic time at which a wanted message of camera 1 arrived."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            for message in self.supervisor.poll(0.02):
                self._follow_neighbour(message)
                if message.camera_id == 1 and wanted(message):
                    return time.monotonic()
        raise SystemExit("waited in vain")

    def measure(
        self, name: str, deed: Callable[[], object], wanted: Callable[[Message], bool]
    ) -> None:
        deed()
        started_s = time.monotonic()
        self.seconds.setdefault(name, []).append(self.until(wanted) - started_s)

    def measure_both(self, name: str, deed: Callable[[], object]) -> None:
        """Seconds until the trouble is told, and until frames flow again."""
        started_s = time.monotonic()
        deed()
        told_s = self.until(troubled) - started_s
        again_s = self.until(frame) - started_s
        self.seconds.setdefault(f"{name}: state seen", []).append(told_s)
        self.seconds.setdefault(f"{name}: frames again, in all", []).append(again_s)

    def settle(self, seconds: float = 1.0) -> None:
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            for message in self.supervisor.poll(0.02):
                self._follow_neighbour(message)

    def _follow_neighbour(self, message: Message) -> None:
        if message.camera_id == 2 and isinstance(message, Overlay):
            now_s = time.monotonic()
            if self._neighbour_s is not None:
                self.neighbour_pause_s = max(self.neighbour_pause_s, now_s - self._neighbour_s)
            self._neighbour_s = now_s


def troubled(message: Message) -> bool:
    return isinstance(message, Status) and message.state in ("stalled", "failed")


def frame(message: Message) -> bool:
    return isinstance(message, Overlay)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        clip = write_clip(Path(folder) / "street.mp4")
        with rtsp_camera(clip) as first, rtsp_camera(clip) as second:
            supervisor = Supervisor()
            supervisor.apply(
                WorkerPlan(
                    tuple(
                        CameraPlan(number, f"Camera {number}", SourceSpec("rtsp", url), SCENE)
                        for number, url in ((1, first.url), (2, second.url))
                    ),
                    folder,
                )
            )
            bench = Bench(supervisor)
            bench.until(frame)
            bench.settle(4.0)

            def worker(number: signal.Signals) -> None:
                os.kill(supervisor.pids()[1], number)

            for round_number in range(rounds):
                bench.measure("server killed: state seen", first.kill, troubled)
                bench.settle(3.0)
                bench.measure("server started: frames again", first.start, frame)
                bench.settle()
                bench.measure("server hung: state seen", first.hang, troubled)
                bench.settle(3.0)
                bench.measure("server continues: frames again", first.resume, frame)
                bench.settle()
                for name, number in (("frozen", signal.SIGSTOP), ("killed", signal.SIGKILL)):
                    bench.measure_both(f"worker {name}", lambda n=number: worker(n))  # type: ignore[misc]
                    bench.settle()
                if round_number + 1 < rounds:
                    # Only a worker that lived for long is started again without a wait.
                    bench.settle(LIVED_LONG_S)
            started_s = time.monotonic()
            supervisor.stop(4.0)
            stop_s = time.monotonic() - started_s
    for name, values in bench.seconds.items():
        print(f"{name:34} median {statistics.median(values):5.2f} s   worst {max(values):5.2f} s")
    print(f"other camera: longest pause between analysed frames {bench.neighbour_pause_s:.2f} s")
    print(f"stop of both workers {stop_s:.2f} s")


if __name__ == "__main__":
    main()
