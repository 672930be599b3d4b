"""What a child gives up before it looks at untrusted data; each measure where the system has it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from models_registry.sandbox import landlock, seccomp
from models_registry.sandbox.limits import Limits

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_NEW_USER, _NEW_NETWORK, _NEW_IPC = 0x10000000, 0x40000000, 0x08000000
# What Python, numpy and ONNX Runtime read besides their own folders: shared libraries, the
# processor's description, this process's own figures.
_SYSTEM_PATHS = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache",
    "/etc/localtime", "/usr/share/zoneinfo", "/dev/null", "/dev/zero", "/dev/urandom",
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu",
    "/sys/devices/system/node", "/sys/fs/cgroup",
)  # fmt: skip
in_force: dict[str, bool] = {}
"""Of this process, set by ``lock_down``."""


def lock_down(
    limits: Limits, *, parent: int, readable: Sequence[Path], write_dir: Path | None
) -> dict[str, bool]:
    """Gives up all that the function does not need; says what took effect.

    To be called once, with one thread, before anything untrusted is read. ``readable``: folders
    and files besides Python's own.
    """
    _limit(limits)
    _stand_first_in_line_for_the_oom_killer()
    network = _leave_the_network()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    # After unshare, which forgets it. A parent that died before is noticed by its changed number.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    system = [Path(x) for x in (*_SYSTEM_PATHS, *_python_folders())]
    files = landlock.restrict([*system, *readable], [write_dir] if write_dir else [])
    calls = seccomp.install()
    in_force.update(
        network=network or calls,
        network_namespace=network,
        files=files,
        system_calls=calls,
        memory=True,
    )
    return dict(in_force)


def report(request: object, progress: object) -> dict[str, bool]:
    """What is in force in the process that runs this: the target of ``isolation``."""
    return dict(in_force)


def _limit(limits: Limits) -> None:
    os.nice(limits.niceness)
    for kind, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))
    # The soft limit's signal ends the process; the hard one is there for code that ignores it.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 1))


def _stand_first_in_line_for_the_oom_killer() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _leave_the_network() -> bool:
    """Into a network namespace without devices, by a user namespace where that takes privileges."""
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    alone = _NEW_USER | _NEW_NETWORK | _NEW_IPC
    return bool(unshare(alone) == 0 or unshare(_NEW_NETWORK | _NEW_IPC) == 0)


def _python_folders() -> list[str]:
    """The interpreter's and its packages' folders, without the one that this project lies in:
    the data folder may lie there too."""
    project = Path(__file__).resolve().parents[2]
    folders = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path}
    return [x for x in folders if x and x != "/" and Path(x).resolve() not in _above(project)]


def _above(folder: Path) -> set[Path]:
    return {folder, *folder.parents}


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), 0, 0, 0)
