"""A detector in a process of its own: a model that crashes or hangs costs that process only."""

from __future__ import annotations

import contextlib
import fcntl
import json
import mmap
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detections import Detections
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.isolated_wire import (
    MESSAGE_BYTES,
    PICTURE_BYTES,
    REQUEST,
    Boxes,
    Failure,
    Garbled,
    Ready,
    unpack,
)
from models_registry.runtime.preprocess import Placement, fitted, place
from models_registry.sandbox.process import child_environment

LOAD_LIMIT_S = 30.0
DEADLINE_S = 1.0
# A model that is slow by nature does not hang; its own speed, seen when it was loaded, tells.
PATIENCE_RUNS = 8.0
LONGEST_DEADLINE_S = 10.0
_SEALS = fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class DetectorLost(Exception):
    """The detector's process is gone; ``code`` is ``crashed`` or ``hung``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class IsolatedDetector:
    """A ``Detector`` whose model runs in a child process. To be used from one thread, which must
    live as long as it does: the child dies with the thread that started it.

    The process starts at once and loads on its own: ask ``loaded`` until it says so. ``detect``
    waits for the answer; ``submit`` and ``collect`` do the same in two steps, so that nothing else
    waits. The owner shrinks the frame to the model's canvas straight into shared memory, so no
    pixel is copied twice. After ``DetectorLost`` it is closed, and only another one can help.
    ``attention``: a region model in the child chooses where the model looks (``attention.py``).
    Raises ``DetectorLost`` when no process can be started.
    """

    def __init__(
        self,
        model_path: Path,
        contract: ModelContract | dict[str, Any] | None = None,
        *,
        threads: int = 1,
        attention: bool = False,
        deadline_s: float = DEADLINE_S,
        load_limit_s: float = LOAD_LIMIT_S,
        nice: int = 0,
    ) -> None:
        self.name = model_path.stem
        self.labels: tuple[str, ...] = ()
        self.contract: ModelContract | None = None
        self.stage_ms: dict[str, float] = {}
        """CPU milliseconds in the child, but for models of several threads: see OnnxDetector. Of a
        frame that attention found nothing new on, nothing but ``attention``."""
        self.wall_ms = 0.0
        """Of the last answer: from the shrunk picture to its boxes, in the child."""
        self._deadline_s, self._load_limit_s = deadline_s, load_limit_s
        self._asked_s = time.monotonic()
        self._number = 0
        self._placement: Placement | None = None
        self._forget = False
        self._gain = np.ones(4, np.float32)
        self._edge = np.ones(4, np.float32)
        self.busy = False
        """A picture was submitted and its answer is not collected yet."""
        stated = contract.to_json() if isinstance(contract, ModelContract) else contract
        order = {
            "model_path": str(model_path.absolute()),
            "contract": stated,
            "threads": threads,
            "attention": attention,
            "nice": nice,
        }
        words = json.dumps(order).encode()
        if len(words) > MESSAGE_BYTES:
            limit = f"at most {MESSAGE_BYTES} bytes"
            raise ModelUnusable("contract_invalid", f"expected {limit} of contract")
        self._channel, self._memory, self._process = _start()
        self._pixels = np.frombuffer(self._memory, np.uint8)
        with contextlib.suppress(BrokenPipeError):  # it died at once: ``loaded`` will tell
            self._channel.send(words)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def waiting_s(self) -> float:
        """How long ago the last picture was submitted, or the loading began."""
        return time.monotonic() - self._asked_s

    def loaded(self, timeout_s: float = 0.0) -> bool:
        """Whether the model is loaded and warm, waiting for that at most ``timeout_s``.

        Raises ``ModelUnusable`` when the file cannot serve, ``DetectorLost`` when its process
        crashed or takes longer than ``load_limit_s``.
        """
        if self.contract is not None:
            return True
        record = self._receive(timeout_s, self._load_limit_s, "loading")
        if isinstance(record, Failure):
            self.close()
            raise ModelUnusable(record.code, record.message)
        if isinstance(record, Ready):
            self.contract, self.labels = record.contract, record.contract.labels
            patience_s = min(PATIENCE_RUNS * record.run_s, LONGEST_DEADLINE_S)
            self._deadline_s = max(self._deadline_s, patience_s)
        return self.contract is not None

    def detect(self, frame: NDArray[np.uint8], time_s: float) -> Detections:
        """Objects on a BGR frame (H, W, 3), strongest first. Raises as ``submit``, ``collect``."""
        self.submit(frame, time_s)
        while True:
            found = self.collect(self._deadline_s)
            if found is not None:
                return found

    def submit(self, frame: NDArray[np.uint8], time_s: float) -> None:
        """Hand over a frame taken at ``time_s``. Raises ``ValueError`` for what is no frame,
        ``RuntimeError`` while it is busy or not loaded, ``DetectorLost`` when it was lost."""
        if self._channel.fileno() < 0:
            raise DetectorLost("crashed", "its process was ended before")
        if self.busy or self.contract is None:
            raise RuntimeError("expected a loaded and idle detector")
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or not frame.size:
            raise ValueError(f"expected a (H, W, 3) uint8 frame, got {frame.shape} {frame.dtype}")
        height, width = frame.shape[:2]
        at = self._placement
        if at is None or (at.width, at.height) != (width, height):
            at = place(width, height, fitted(width, height, self.contract))
            self._placement = at
        size = (at.fitted_width, at.fitted_height)
        target = self._pixels[: size[0] * size[1] * 3].reshape(size[1], size[0], 3)
        if size == (width, height):
            np.copyto(target, frame)
        else:
            cv2.resize(frame, size, dst=target, interpolation=cv2.INTER_LINEAR)
        self._gain = np.array([1 / at.scale_x, 1 / at.scale_y] * 2, np.float32)
        self._edge = np.array([width, height] * 2, np.float32)
        self._number = (self._number + 1) % 2**32
        self._asked_s = time.monotonic()
        self.busy = True
        with contextlib.suppress(OSError):  # it is gone: ``collect`` will tell
            self._channel.send(REQUEST.pack(self._number, *size, self._forget, time_s))
        self._forget = False

    def collect(self, timeout_s: float = 0.0) -> Detections | None:
        """The answer to the submitted frame, in its pixels; None when it is not there within
        ``timeout_s``. Raises ``ModelUnusable`` (``run_failed``), after which it can be asked again,
        and ``DetectorLost``."""
        record = self._receive(timeout_s, self._deadline_s, "on a frame")
        if record is None:
            return None
        self.busy = False
        if isinstance(record, Failure):
            raise ModelUnusable(record.code, record.message)
        if not isinstance(record, Boxes) or record.number != self._number:
            raise self._lost("crashed", f"it answered another question: {record}"[:200])
        self.wall_ms, self.stage_ms = record.wall_ms, record.stage_ms
        found = record.found
        xyxy = np.minimum(found.xyxy * self._gain, self._edge)
        return Detections(xyxy, found.confidence, found.class_id, found.labels)

    def reset(self) -> None:
        """Forget the scene, which attention keeps: with the next frame, for this one may be in
        the child's hands."""
        self._forget = True

    def close(self) -> None:
        """End the process and give back what it held; harmless when repeated."""
        self._process.kill()
        # A process in a driver's hands may outlive its kill; it must not take us with it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        self._channel.close()
        self._pixels = np.empty(0, np.uint8)  # the last view of the memory, which goes with it

    def _receive(
        self, timeout_s: float, limit_s: float, where: str
    ) -> Ready | Failure | Boxes | None:
        """The next record, if it comes in time. Raises ``DetectorLost``."""
        if self._channel.fileno() < 0:
            raise DetectorLost("crashed", "its process was ended before")
        timeout_s = min(timeout_s, max(0.0, limit_s - self.waiting_s))
        waiter = select.poll()
        waiter.register(self._channel, select.POLLIN)
        if not waiter.poll(timeout_s * 1e3):
            if self.waiting_s >= limit_s:
                raise self._lost("hung", f"no answer {where} for {limit_s:.1f} s")
            return None
        try:
            message = self._channel.recv(MESSAGE_BYTES)
        except ConnectionError:
            message = b""
        if not message:
            raise self._lost("crashed", "")
        try:
            return unpack(message, self.labels)
        except Garbled as error:
            raise self._lost("crashed", str(error)) from error

    def _lost(self, code: str, message: str) -> DetectorLost:
        if not message:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            message = _ending(self._process.poll())
        self.close()
        return DetectorLost(code, message)


def _start() -> tuple[socket.socket, mmap.mmap, subprocess.Popen[bytes]]:
    own, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    file = os.memfd_create("picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        for end in (own, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE_BYTES)
        os.ftruncate(file, PICTURE_BYTES)  # takes memory only where a picture was written
        # A child that cut the file short would kill us at the next picture.
        fcntl.fcntl(file, *_SEALS)
        memory = mmap.mmap(file, PICTURE_BYTES)
        arguments = [str(theirs.fileno()), str(file), str(os.getpid())]
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "models_registry.runtime.isolated_child", *arguments],
            pass_fds=(theirs.fileno(), file),
            env=child_environment(None),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        own.close()
        raise DetectorLost("crashed", f"no process could be started: {error.strerror}") from error
    finally:
        theirs.close()
        os.close(file)
    return own, memory, process


def _ending(code: int | None) -> str:
    if code is None:
        return "its process closed its channel"
    return f"its process was ended by signal {-code}" if code < 0 else f"exit code {code}"
