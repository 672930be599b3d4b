"""The parent's side of one call: start a child, listen, enforce limits, leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from models_registry.sandbox import wire
from models_registry.sandbox.limits import ChildError, ChildFailed, Limits
from models_registry.sandbox.listener import Listener

POLL_S = 0.1
PROJECT = Path(__file__).resolve().parents[2]
# Everything else stays here: database passwords, keys and tokens are in the environment.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PYTHONHOME")
OUT_OF_MEMORY_WORDS = ("bad_alloc", "MemoryError", "Cannot allocate memory", "failed to allocate")


def call(
    target: str,
    request: Any,
    *,
    limits: Limits,
    write_dir: Path | None = None,
    read_paths: Sequence[Path] = (),
    on_progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Any:
    """The result of ``target(request, progress)``, run in a fresh process that can do nothing else.

    ``target`` is ``"package.module:function"``; the function may call ``progress(share, words)``.
    Request and result are JSON values with ``bytes`` among them (tuples arrive as lists); larger
    things travel as files in ``write_dir``, which the caller owns and cleans. The child reads
    nothing but Python, the target's own package, ``models_registry`` and ``read_paths``, writes
    nothing but ``write_dir``, reaches no network, sees no environment variable of ours: each as far
    as the system has the means, see ``isolation``. What it returns is checked for shape but is
    otherwise untrusted. Blocks; ``on_progress`` and ``cancelled`` are called in this thread.

    Raises ``ChildError`` with the code of an error that the function raised, else ``ChildFailed``
    (``crashed``, ``timeout``, ``out_of_memory``, ``cancelled``), and ``WireError`` for a request
    that cannot travel.
    """
    order = {
        "target": target,
        "request": request,
        "limits": asdict(limits),
        "readable": [str(x) for x in [*_packages(target), *read_paths]],
        "write_dir": str(write_dir) if write_dir else "",
    }
    content = wire.encode(order)
    process = _start(write_dir)
    listener = Listener(process, content, limits.answer_bytes, on_progress)
    try:
        try:
            reason = _attend(process, listener, limits, write_dir, cancelled)
        finally:
            _end(process)
        if reason is not None:
            raise reason
        return _outcome(listener, process.returncode, limits)
    finally:
        listener.close()


def _outcome(listener: Listener, status: int, limits: Limits) -> Any:
    if listener.failure is not None:
        raise _told(*listener.failure, limits)
    if listener.result is None:
        raise _died(status, listener.noise(), limits)
    try:
        return wire.decode(listener.result)
    except wire.WireError as error:
        raise ChildFailed("crashed", f"its answer cannot be read: {error}") from error


def _packages(target: str) -> list[Path]:
    names = {"models_registry", target.partition(".")[0]}
    specs = [find_spec(name) for name in sorted(names)]
    return [Path(x) for spec in specs if spec for x in spec.submodule_search_locations or ()]


def _start(write_dir: Path | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "models_registry.sandbox.child", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=child_environment(write_dir),
        cwd=write_dir or "/",
        start_new_session=True,
    )


def child_environment(write_dir: Path | None) -> dict[str, str]:
    """The environment of a child: what Python needs to start, nothing that is ours."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed | {
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",  # what libraries leave behind in a home is not wanted
        "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime keeps a database of events, to be sent off
        "TMPDIR": str(write_dir or "/"),
        # Their thread pools would start before the door is locked, and count against the memory.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def _attend(
    process: subprocess.Popen[bytes],
    listener: Listener,
    limits: Limits,
    write_dir: Path | None,
    cancelled: Callable[[], bool] | None,
) -> ChildFailed | None:
    """Listens until the child has answered or ended; why it must be ended, if it must."""
    deadline_s = time.monotonic() + limits.wall_s
    while not listener.finished:
        listener.listen(POLL_S)
        if listener.broken:
            return ChildFailed("crashed", listener.broken)
        if cancelled is not None and cancelled():
            return ChildFailed("cancelled", "it was cancelled")
        if time.monotonic() > deadline_s:
            return _timeout(limits)
        if _resident_bytes(process.pid) > limits.memory_bytes:
            return _out_of_memory(limits)
        if write_dir is not None and _bytes_below(write_dir) > limits.file_bytes:
            return ChildFailed("crashed", f"it wrote more than {limits.file_bytes} bytes of files")
    # Answered or its pipe ended; a child that holds on after that is ended by the caller.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(POLL_S if listener.answered else 1.0)
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    # The whole group: where no filter forbids it, the child may have started others.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _told(code: str, message: str, limits: Limits) -> ChildFailed:
    if code == "out_of_memory" and not message:
        return _out_of_memory(limits)
    return ChildError(code, message) if code else ChildFailed("crashed", message)


def _died(status: int, noise: str, limits: Limits) -> ChildFailed:
    if status == -signal.SIGXCPU:
        return _timeout(limits)
    # Nobody else kills with SIGKILL: the kernel does when memory or processor time runs out.
    if status == -signal.SIGKILL or any(x in noise for x in OUT_OF_MEMORY_WORDS):
        return _out_of_memory(limits)
    how = f"exit code {status}" if status >= 0 else f"signal {-status}"
    with contextlib.suppress(ValueError):
        how = signal.Signals(-status).name if status < 0 else how
    return ChildFailed("crashed", f"it ended without an answer ({how}) {noise}".strip())


def _timeout(limits: Limits) -> ChildFailed:
    return ChildFailed(
        "timeout", f"it took more than {limits.wall_s:g} s, or {limits.cpu_s:g} s of processor time"
    )


def _out_of_memory(limits: Limits) -> ChildFailed:
    return ChildFailed(
        "out_of_memory", f"it needed more than {limits.memory_bytes // 2**20} MiB of memory"
    )


def _resident_bytes(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _bytes_below(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
    return total
