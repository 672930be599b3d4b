"""Why the application refuses something, with a code for programs and words for people."""

from __future__ import annotations


class Refused(Exception):
    """Bad input. ``field`` names the input it is about, if there is one."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        self.code = code
        self.message = message
        self.field = field
        super().__init__(message)


class Conflict(Refused):
    """Someone else changed it meanwhile: read it again, then repeat the change."""
