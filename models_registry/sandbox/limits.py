"""What a child process may use, and how it can fail."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one child may use. Raises ``ValueError``.

    ``memory_bytes`` bounds its address space and its resident memory. ``cpu_s`` counts all its
    threads, ``wall_s`` the clock. ``file_bytes`` is the largest file that it may write, and the
    most that all files in its writable folder may hold together. ``answer_bytes`` is the largest
    result that the parent takes over the pipe. ``niceness`` is how far it stands back for others
    who want the processor, 0–19.
    """

    memory_bytes: int = 3 * GIB
    cpu_s: int = 120
    wall_s: float = 120.0
    file_bytes: int = GIB
    open_files: int = 64
    answer_bytes: int = 256 * MIB
    niceness: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.niceness <= 19:
            raise ValueError(f"niceness: expected 0–19, got {self.niceness}")
        for name in ("memory_bytes", "cpu_s", "wall_s", "file_bytes", "open_files", "answer_bytes"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: expected more than 0, got {getattr(self, name)}")


class ChildFailed(Exception):
    """The child gave no result; ``code`` is for programs, the message for people.

    Codes: ``crashed``, ``timeout``, ``out_of_memory``, ``cancelled``; other codes only in the
    subclass ``ChildError``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[ChildFailed], tuple[str, str]]:
        """Pickling keeps the code."""
        return type(self), (self.code, self.message)


class ChildError(ChildFailed):
    """The function itself raised an error that carries ``code`` and ``message``; both are passed on
    as they came, shortened and without unprintable characters. They are untrusted: a broken child
    may name any code."""
