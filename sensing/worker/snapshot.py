"""One look at a source, in a process of its own: until it is seen, a video is a stranger's."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sensing.worker.camera_process import worker_environment
from sensing.worker.errors import StreamUnavailable
from sensing.worker.plan import SourceSpec


@dataclass(frozen=True)
class ProbeResult:
    """A still and what the source says of itself; ``fps`` is measured where nothing is stated."""

    jpeg: bytes
    width: int
    height: int
    fps: float
    codec: str


def probe(source: SourceSpec, clips_dir: Path, timeout_s: float = 10.0) -> ProbeResult:
    """Open a source, take one picture, close it; ends within about ``timeout_s`` whatever happens.

    Raises ``StreamUnavailable`` with the cause. The child has bounded memory, CPU time and files,
    gets its orders on stdin (they hold a password) and answers in JSON.
    """
    orders = json.dumps(
        {"source": asdict(source), "clips_dir": str(clips_dir), "timeout_s": timeout_s}
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "sensing.worker.probe_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=worker_environment(rtsp=source.kind == "rtsp"),
    )
    try:
        answer, _ = process.communicate(orders.encode(), timeout_s)
    except subprocess.TimeoutExpired:
        raise StreamUnavailable("timeout", f"no picture within {timeout_s:g} s") from None
    finally:
        _end(process)
    return _result(answer, process.returncode)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    # A process in a driver's hands may outlive its kill; it must not take us with it.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1.0)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _result(answer: bytes, code: int | None) -> ProbeResult:
    try:
        document: dict[str, Any] = json.loads(answer)
    except ValueError:
        detail = f"the decoder gave up on it (exit code {code})"
        raise StreamUnavailable("bad_picture", detail, True) from None
    if "error" in document:
        raise StreamUnavailable(**document["error"])
    return ProbeResult(**document | {"jpeg": base64.b64decode(document["jpeg"])})
