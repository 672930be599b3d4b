"""Facts of the machine that a measurement was made on, and of this process's memory."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

CPU_INFO = Path("/proc/cpuinfo")
STATUS = Path("/proc/self/status")
CLEAR_PEAK = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class Machine:
    """``load_1min`` when asked: above ``cores_usable`` others were waiting too."""

    processor: str
    architecture: str
    system: str
    cores: int
    cores_usable: int
    load_1min: float | None
    onnxruntime: str
    opencv: str
    numpy: str


def machine() -> Machine:
    """Read anew each time."""
    return Machine(
        processor=_processor(),
        architecture=platform.machine(),
        system=f"{platform.system()} {platform.release()}",
        cores=os.cpu_count() or 1,
        cores_usable=_usable(),
        load_1min=_load(),
        onnxruntime=onnxruntime.__version__,
        opencv=cv2.__version__,
        numpy=np.__version__,
    )


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of this process now and at its highest, in bytes; None where not told."""

    resident_bytes: int | None
    peak_bytes: int | None


def memory() -> Memory:
    """As the kernel counts it: ``VmRSS`` and ``VmHWM``."""
    found = {}
    for line in _lines(STATUS):
        name, _, value = line.partition(":")
        if name in ("VmRSS", "VmHWM"):
            found[name] = int(value.split()[0]) * 1024
    return Memory(found.get("VmRSS"), found.get("VmHWM"))


def reset_peak() -> bool:
    """Lets the peak begin again from what is resident now; False where that is not allowed."""
    try:
        CLEAR_PEAK.write_text("5")
    except OSError:
        return False
    return True


def _processor() -> str:
    # ARM kernels give no "model name"; "Model" or "Hardware" then names the board.
    found = {
        name.strip(): value.strip()
        for name, mark, value in (line.partition(":") for line in _lines(CPU_INFO))
        if mark
    }
    for name in ("model name", "Model", "Hardware"):
        if found.get(name):
            return found[name]
    return platform.machine()  # platform.processor() would start a program, which a sandbox forbids


def _usable() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:  # another system, or a sandbox without /proc
        return []
