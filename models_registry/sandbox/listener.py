"""What arrives from a child, taken piece by piece: frames on one pipe, noise on the other."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
from collections.abc import Callable

from models_registry.sandbox import wire

CHUNK_BYTES = 256 * 1024
NOISE_BYTES, NOISE_LINES, NOISE_CHARS = 8192, 6, 600
SMALL_FRAME_BYTES = 64 * 1024


class Listener:
    """Sends the order and takes frames from a process with three pipes.

    Trusts nothing that comes: a frame's size is checked before its content is kept. ``broken``
    says what came that may not come.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        order: bytes,
        answer_bytes: int,
        on_progress: Callable[[float, str], None] | None,
    ) -> None:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        self.result: bytes | None = None
        self.failure: tuple[str, str] | None = None
        self.broken = ""
        self._ended = False
        self._orders, self._answers, self._noises = process.stdin, process.stdout, process.stderr
        self._order, self._answer_bytes = memoryview(order), answer_bytes
        self._on_progress = on_progress
        self._received, self._noise = bytearray(), bytearray()
        self._selector = selectors.DefaultSelector()
        for pipe, event in (
            (self._orders, selectors.EVENT_WRITE),
            (self._answers, selectors.EVENT_READ),
            (self._noises, selectors.EVENT_READ),
        ):
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, event)

    @property
    def answered(self) -> bool:
        """It gave a result or told of a failure."""
        return self.result is not None or self.failure is not None

    @property
    def finished(self) -> bool:
        """Nothing more is to be expected."""
        return self.answered or self._ended

    def listen(self, patience_s: float) -> None:
        """Takes what is there, waiting for it at most ``patience_s``."""
        for key, _ in self._selector.select(patience_s):
            if key.fileobj is self._orders:
                self._send()
            elif key.fileobj is self._answers:
                self._receive()
            else:
                self._hear()

    def noise(self) -> str:
        """The last lines that it printed, fit to be shown: short, no folders of this machine."""
        with contextlib.suppress(BlockingIOError):
            while self._hear():
                pass
        lines = self._noise.decode(errors="replace").split("\n")[-NOISE_LINES - 1 :]
        text = wire.without_folders(" ".join(x.strip() for x in lines if x.strip()))
        return wire.words(text[-NOISE_CHARS:])

    def close(self) -> None:
        """Gives the pipes back."""
        self._selector.close()
        for pipe in (self._orders, self._answers, self._noises):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _send(self) -> None:
        try:
            sent = os.write(self._orders.fileno(), self._order[:CHUNK_BYTES])
        except BrokenPipeError:  # it died early: the end of its answers tells
            sent = len(self._order)
        self._order = self._order[sent:]
        if not self._order:
            self._selector.unregister(self._orders)
            self._orders.close()  # the child reads until the end

    def _hear(self) -> bool:
        piece = os.read(self._noises.fileno(), CHUNK_BYTES)
        if not piece and self._noises in self._selector.get_map():
            self._selector.unregister(self._noises)
        self._noise += piece
        del self._noise[:-NOISE_BYTES]
        return bool(piece)

    def _receive(self) -> None:
        piece = os.read(self._answers.fileno(), CHUNK_BYTES)
        if not piece:
            self._ended = True
            self._selector.unregister(self._answers)
        self._received += piece
        while not self.broken and not self.answered and self._take_frame():
            pass

    def _take_frame(self) -> bool:
        """Whether a whole frame was there."""
        start = wire.HEADER.size
        if len(self._received) < start:
            return False
        kind, length = wire.HEADER.unpack_from(self._received)
        most = self._answer_bytes if kind == wire.RESULT else SMALL_FRAME_BYTES
        if kind not in (wire.PROGRESS, wire.RESULT, wire.FAILURE) or length > most:
            self.broken = f"it answered with {length} bytes, expected at most {most}"
            return False
        if len(self._received) < start + length:
            return False
        payload = bytes(self._received[start : start + length])
        del self._received[: start + length]
        if kind == wire.RESULT:
            self.result = payload
        else:
            self._take_words(kind, payload)
        return True

    def _take_words(self, kind: bytes, payload: bytes) -> None:
        try:
            first, text = wire.decode(payload)
            share = 0.0 if kind == wire.FAILURE else min(max(float(first), 0.0), 1.0)
        except (ValueError, TypeError, OverflowError):
            self.broken = "it answered with something unreadable"
            return
        if kind == wire.FAILURE:
            self.failure = (wire.code_or(first, ""), wire.without_folders(wire.words(text)))
        elif self._on_progress is not None:
            self._on_progress(share, wire.words(text))
