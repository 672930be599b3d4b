"""What a detector's trouble costs a running camera: frames, counts, seconds.

    python -m bench.rollback [--fps 15] [--rounds 3]

A worker under its supervisor watches a recording in which a box passes every 45 frames, with models
built in code that really find it. Its detector's process is killed and frozen on duty; candidates
that crash, hang, fail, are slow, are blind or are no model are deployed; a good one is, and its
process is killed during its trial. "Pause" is the longest time between two analysed frames from
the deed on; "told" is from the deed to the message that tells of it. A candidate is only tried out
beside the version on duty, so its pause should be that of any frame. Crossings are compared with
the truth for each whole pass of the recording.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.provenance import print_provenance
from sensing.worker.messages import Message, Overlay, RolledBack, Status, TrialPassed
from sensing.worker.plan import CameraPlan, DetectorSpec, WorkerPlan
from sensing.worker.supervisor import Supervisor
from tests.models_registry.runtime.finder_models import FAULTS
from tests.sensing.worker.detector_clip import (
    PASSAGES,
    TRUTH,
    camera,
    counts_by_run,
    spec,
    write_passages,
)

TIMEOUT_S = 120.0
SETTLE_S = 2.0
SLOW_ROUNDS = 20_000
GOOD, CHILD = 3, b"models_registry.runtime.isolated_child"


@dataclass
class Bench:
    supervisor: Supervisor
    plan: CameraPlan
    folder: str
    said: list[object] = field(default_factory=list)
    status: Status = field(default_factory=lambda: Status(5, "", "connecting"))
    rows: list[tuple[str, float, float, int]] = field(default_factory=list)
    _frame_s: float = 0.0
    _pause_s: float = 0.0

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            found = None
            for message in self.supervisor.poll(0.02):
                self._hear(message)
                if found is None and wanted(message):
                    found = message
            if found is not None:
                return found
        raise SystemExit(f"waited in vain; last heard {self.status}")

    def deploy(self, detector: DetectorSpec) -> None:
        self.plan = replace(self.plan, detector=detector)
        self.supervisor.apply(WorkerPlan((self.plan,), self.folder))

    def measure(
        self, name: str, deed: Callable[[], object], wanted: Callable[[Message], bool]
    ) -> None:
        """Do it, wait until it is told, and a little longer for frames to flow again."""
        skipped, self._pause_s = self.status.frames_skipped, 0.0
        deed()
        started_s = time.monotonic()
        self.until(wanted)
        told_s = time.monotonic() - started_s
        self.settle()
        lost = self.status.frames_skipped - skipped
        self.rows.append((name, told_s, self._pause_s, lost))

    def settle(self, seconds: float = SETTLE_S) -> None:
        end_s = time.monotonic() + seconds
        self.until(lambda _: time.monotonic() > end_s)

    def _hear(self, message: Message) -> None:
        self.said.append(message)
        if isinstance(message, Status):
            self.status = message
        if isinstance(message, Overlay):
            now_s = time.monotonic()
            if self._frame_s:
                self._pause_s = max(self._pause_s, now_s - self._frame_s)
            self._frame_s = now_s

    def detectors(self) -> set[int]:
        """Processes that run a model for the camera's worker."""
        worker = self.supervisor.pids()[self.plan.camera_id]
        tasks = Path(f"/proc/{worker}/task").glob("*/children")
        children = {int(pid) for task in tasks for pid in task.read_text().split()}
        return {pid for pid in children if CHILD in Path(f"/proc/{pid}/cmdline").read_bytes()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print_provenance()
    with tempfile.TemporaryDirectory() as folder:
        clip = write_passages(Path(folder) / "passages.mp4")
        plan = camera(clip, spec(Path(folder), version=GOOD), loop=True)
        bench = Bench(Supervisor(), plan, folder)
        bench.deploy(plan.detector)
        bench.until(lambda m: isinstance(m, Overlay))
        bench.settle()
        try:
            bench.measure("(nothing)", lambda: None, lambda m: isinstance(m, Status))
            for _ in range(rounds):
                on_duty(bench)
                candidates(bench, Path(folder))
                in_trial(bench, Path(folder))
            run_id = bench.status.run_id
            bench.until(lambda m: isinstance(m, Status) and m.run_id != run_id)
        finally:
            bench.said += bench.supervisor.stop(4.0)
    report(bench)


def on_duty(bench: Bench) -> None:
    for name, deed in (("killed on duty", signal.SIGKILL), ("frozen on duty", signal.SIGSTOP)):
        restarts = bench.status.detector_restarts
        (pid,) = bench.detectors()
        bench.measure(
            name,
            lambda pid=pid, deed=deed: os.kill(pid, deed),  # type: ignore[misc]
            lambda m, before=restarts: isinstance(m, Status) and m.detector_restarts > before,  # type: ignore[misc]
        )
        # Three losses within a minute would mean that the model does not serve.
        bench.settle(30.0)


def candidates(bench: Bench, folder: Path) -> None:
    good = bench.plan.detector
    for number, fault in enumerate((*FAULTS, "model_unusable")):
        candidate = (
            spec(folder, fault, version=10 + number, trial_s=300.0, rounds=SLOW_ROUNDS)
            if fault in FAULTS
            else replace(good, version=20, model_path=str(folder / "none.onnx"))
        )
        bench.measure(
            f"candidate: {fault}",
            lambda candidate=candidate: bench.deploy(candidate),  # type: ignore[misc]
            lambda m: isinstance(m, RolledBack),
        )
        told = [m for m in bench.said if isinstance(m, RolledBack)][-1]
        assert told.cause == fault, told
        bench.deploy(good)


def in_trial(bench: Bench, folder: Path) -> None:
    good = bench.plan.detector
    new = replace(good, name="other", version=4, trial_s=6.0)
    bench.measure(
        "good one takes over",
        lambda: bench.deploy(new),
        lambda m: isinstance(m, Status) and m.detector_version == 4,
    )
    bench.measure("its trial passed", lambda: None, lambda m: isinstance(m, TrialPassed))
    for name, deed in (
        ("killed in its trial", signal.SIGKILL),
        ("frozen in its trial", signal.SIGSTOP),
    ):
        bench.deploy(replace(good, version=GOOD))
        bench.until(lambda m: isinstance(m, Status) and m.detector_version == GOOD)
        (kept,) = bench.detectors()
        bench.deploy(new)
        bench.until(lambda m: isinstance(m, Status) and m.detector_version == 4)
        (pid,) = bench.detectors() - {kept}
        bench.measure(
            name,
            lambda pid=pid, deed=deed: os.kill(pid, deed),  # type: ignore[misc]
            lambda m: isinstance(m, RolledBack),
        )
        bench.deploy(good)


def report(bench: Bench) -> None:
    print(f"{'':28}{'told after':>12}{'longest pause':>16}{'frames given up':>18}")
    for name in dict.fromkeys(row[0] for row in bench.rows):
        rows = [row for row in bench.rows if row[0] == name]
        told, pause, lost = (max(row[at] for row in rows) for at in (1, 2, 3))
        print(f"{name:28}{told:10.2f} s{pause:14.2f} s{lost:18d}   (worst of {len(rows)})")
    runs = counts_by_run(bench.said)
    right = sum(run == TRUTH for run in runs)
    print(
        f"crossings: {sum(run.total() for run in runs)} counted of {PASSAGES * len(runs)}"
        f" in {len(runs)} whole passes, {right} of them exactly right;"
        f" states {sorted({m.state for m in bench.said if isinstance(m, Status)})}"
    )


if __name__ == "__main__":
    main()
