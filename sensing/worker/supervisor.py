"""One process per camera: started, watched over, replaced; no camera's trouble is another's."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Iterable
from dataclasses import dataclass

from sensing.worker.camera_process import Arrival, CameraProcess, Inbox
from sensing.worker.messages import Message, Status
from sensing.worker.plan import CameraPlan, WorkerPlan

log = logging.getLogger(__name__)

INBOX = 1024
MESSAGES_PER_POLL = 2000
# Waits before the 1st, 2nd … restart in a row; a worker that lived for long starts the row anew.
RESTART_S = (0.0, 0.2, 0.5, 1.0, 3.0, 10.0, 30.0)
LIVED_LONG_S = 60.0
STOP_GRACE_S = 3.0
# The workers cannot be blamed for silence while nobody polled.
POLL_GAP_S = 1.5


@dataclass
class Slot:
    """A camera's place: what should run there, and what runs."""

    wanted: CameraPlan | None
    process: CameraProcess | None = None
    stop_by_s: float | None = None
    """Set while the process was asked to end."""
    cause: str = ""
    """Why we killed the process; empty when it ended by itself."""
    last_words: str = ""
    restarts: int = 0
    start_at_s: float = 0.0
    watched: bool = False


class Supervisor:
    """Not thread-safe: call it from one thread, ``poll`` several times a second."""

    def __init__(self) -> None:
        self._slots: dict[int, Slot] = {}
        self._clips_dir = ""
        self._inbox: Inbox = queue.Queue(INBOX)
        self._polled_s = time.monotonic()
        self._own: list[Message] = []
        """What the supervisor itself has to say with the next poll."""

    def apply(self, plan: WorkerPlan) -> None:
        """Make reality follow the plan. Cameras whose plan is unchanged are not touched."""
        moved = plan.clips_dir != self._clips_dir
        self._clips_dir = plan.clips_dir
        wanted = {camera.camera_id: camera for camera in plan.cameras}
        for camera_id, slot in self._slots.items():
            camera = wanted.get(camera_id)
            if moved or camera != slot.wanted:
                before, slot.wanted = slot.wanted, camera
                if not moved and self._goes_over(slot, before, camera):
                    continue
                slot.restarts, slot.start_at_s = 0, 0.0
                self._retire(slot)
        for camera_id in wanted.keys() - self._slots.keys():
            self._slots[camera_id] = Slot(wanted[camera_id])
        self._tend()

    def _goes_over(self, slot: Slot, before: CameraPlan | None, after: CameraPlan | None) -> bool:
        """Whether the worker that runs there can do what is wanted now; then it is told."""
        if slot.process is None or slot.stop_by_s is not None or before is None or after is None:
            return False
        if not before.only_detectors_differ(after):
            return False
        slot.process.go_over_to(after)
        return True

    def watch(self, camera_ids: Iterable[int]) -> None:
        """Tell which cameras somebody looks at: only these make pictures."""
        watched = frozenset(camera_ids)
        for camera_id, slot in self._slots.items():
            slot.watched = camera_id in watched
            if slot.process is not None:
                slot.process.watch(slot.watched)

    def poll(self, timeout_s: float) -> list[Message]:
        """What the workers reported, waiting ``timeout_s`` for a first message; tends them too."""
        messages = self._receive(timeout_s)
        now_s = time.monotonic()
        if now_s - self._polled_s > timeout_s + POLL_GAP_S:
            for slot in self._slots.values():
                if slot.process is not None:
                    slot.process.forgive()
        self._polled_s = now_s
        self._tend()
        own, self._own = self._own, []
        return messages + own

    def stop(self, timeout_s: float) -> list[Message]:
        """End all workers within ``timeout_s``; returns everything they still had to say."""
        deadline_s = time.monotonic() + timeout_s
        messages: list[Message] = []
        for slot in self._slots.values():
            slot.wanted = None
            self._retire(slot)
        # Half a second is kept to kill and to read what the killed had already sent.
        while self._slots and time.monotonic() < deadline_s - 0.5:
            messages += self.poll(0.05)
        for slot in self._slots.values():
            if slot.process is not None:
                slot.process.kill()
        while self._slots and time.monotonic() < deadline_s:
            messages += self.poll(0.05)
        return messages

    def pids(self) -> dict[int, int]:
        """Process id of each camera that runs now."""
        return {
            camera_id: slot.process.pid
            for camera_id, slot in self._slots.items()
            if slot.process is not None
        }

    def _receive(self, timeout_s: float) -> list[Message]:
        messages: list[Message] = []
        try:
            arrival = self._inbox.get(timeout=timeout_s)
            while True:
                messages += self._arrived(arrival)
                if len(messages) >= MESSAGES_PER_POLL:
                    break
                arrival = self._inbox.get_nowait()
        except queue.Empty:
            pass
        return messages

    def _arrived(self, arrival: Arrival) -> list[Message]:
        process, message = arrival.process, arrival.message
        slot = self._slots.get(process.plan.camera_id)
        if message is None:
            process.ended = True
            return []
        # A worker on its way out still counts, but its state is no longer the camera's.
        if isinstance(message, Status):
            if slot is None or slot.process is not process or slot.stop_by_s is not None:
                return []
            if message.cause == "crashed":
                slot.last_words = message.detail
        return [message]

    def _tend(self) -> None:
        for camera_id, slot in list(self._slots.items()):
            if slot.process is not None:
                self._look_after(slot, slot.process)
            if slot.process is None:
                if slot.wanted is None:
                    del self._slots[camera_id]
                elif time.monotonic() >= slot.start_at_s:
                    self._start(slot, slot.wanted)

    def _start(self, slot: Slot, plan: CameraPlan) -> None:
        slot.process = CameraProcess(plan, self._clips_dir, self._inbox)
        slot.stop_by_s, slot.cause, slot.last_words = None, "", ""
        slot.process.watch(slot.watched)

    def _retire(self, slot: Slot) -> None:
        if slot.process is not None and slot.stop_by_s is None:
            slot.process.stop()
            slot.stop_by_s = time.monotonic() + STOP_GRACE_S

    def _look_after(self, slot: Slot, process: CameraProcess) -> None:
        if process.ended:
            self._bury(slot, process)
        elif slot.stop_by_s is not None:
            if time.monotonic() > slot.stop_by_s:
                process.kill()
        elif process.silent() and not slot.cause:
            slot.cause = "hung"
            process.kill()

    def _bury(self, slot: Slot, process: CameraProcess) -> None:
        """The process has ended and everything it sent is read; plan its successor."""
        process.kill()
        process.close()
        slot.process = None
        if slot.stop_by_s is not None or slot.wanted is None:
            slot.start_at_s = 0.0
            return
        lived_s = time.monotonic() - process.started_s
        slot.restarts = 0 if lived_s > LIVED_LONG_S else slot.restarts
        wait_s = RESTART_S[min(slot.restarts, len(RESTART_S) - 1)]
        slot.restarts += 1
        slot.start_at_s = time.monotonic() + wait_s
        cause = slot.cause or "crashed"
        detail = slot.last_words or _ending(process.exit_code())
        log.warning("camera %d: worker %s (%s)", process.plan.camera_id, cause, detail)
        self._own.append(
            Status(
                process.plan.camera_id,
                "",
                "failed",
                cause,
                detail,
                at_s=time.time(),
                retry_in_s=wait_s,
            )
        )


def _ending(code: int | None) -> str:
    if code is None:
        return "still ending"
    return f"ended by signal {-code}" if code < 0 else f"exit code {code}"
