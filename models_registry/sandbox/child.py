"""The child's side: ``python -m models_registry.sandbox.child PARENT_PID``.

The order comes on standard input, frames leave on what was standard output."""

from __future__ import annotations

import importlib
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models_registry.sandbox import wire
from models_registry.sandbox.limits import Limits
from models_registry.sandbox.lockdown import lock_down

PROGRESS_EVERY_S = 0.05

Function = Callable[[Any, Callable[[float, str], None]], Any]


def main(arguments: list[str]) -> int:
    """Take the order, lock the door, call the function, answer."""
    os.umask(0o077)
    # Libraries print; what they print must not come between the frames.
    answer_fd = os.dup(1)
    os.dup2(2, 1)
    order = wire.decode(sys.stdin.buffer.read())
    package = order["target"].partition(".")[0]
    importlib.import_module(package)  # the folder that it lies in cannot be listed afterwards
    lock_down(
        Limits(**order["limits"]),
        parent=int(arguments[0]),
        readable=[Path(x) for x in order["readable"]],
        write_dir=Path(order["write_dir"]) if order["write_dir"] else None,
    )
    try:
        function = _function(order["target"])
        answer = wire.encode(function(order["request"], _reporter(answer_fd)))
    except MemoryError:
        send(answer_fd, wire.FAILURE, wire.encode(["out_of_memory", ""]))
    except Exception as error:  # noqa: BLE001 - process boundary: the parent gets it in words
        traceback.print_exc()
        send(answer_fd, wire.FAILURE, wire.encode(_described(error)))
    else:
        send(answer_fd, wire.RESULT, answer)
    return 0


def send(pipe: int, kind: bytes, payload: bytes) -> None:
    """One frame; blocks until the parent has taken it."""
    for part in (wire.HEADER.pack(kind, len(payload)), payload):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(pipe, rest) :]


def _function(target: str) -> Function:
    module, _, name = target.partition(":")
    function: Function = getattr(importlib.import_module(module), name)
    return function


def _reporter(pipe: int) -> Callable[[float, str], None]:
    last_s = -PROGRESS_EVERY_S

    def report(share: float, text: str) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= PROGRESS_EVERY_S or share >= 1:
            last_s = now_s
            send(pipe, wire.PROGRESS, wire.encode([float(share), str(text)[: wire.WORDS_CHARS]]))

    return report


def _described(error: Exception) -> list[str]:
    """Its code and message, or "crashed" and its type for an error that nobody foresaw."""
    code, message = getattr(error, "code", None), getattr(error, "message", None)
    if isinstance(code, str) and isinstance(message, str):
        return [code, wire.words(message)]
    return ["", wire.words(f"{type(error).__name__}: {error}")]


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that hang in a library must not keep the process.
    os._exit(status)
