"""Why something cannot be measured."""

from __future__ import annotations

from typing import Any

MAX_PROBLEMS = 12  # enough to see the pattern; a sandbox passes on 2000 characters


class MeasurementFailed(Exception):
    """A request that cannot be measured; ``code`` is for programs, the message for people.

    Codes: ``request_invalid``, ``still_unreadable``, ``nothing_to_measure``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickling keeps the code: the error crosses from a child process to its parent."""
        return MeasurementFailed, (self.code, self.message)


class EvaluationSetInvalid(Exception):
    """Labelled pictures that cannot be used; ``problems`` name file and line, and end the message.

    Codes: ``archive_unsafe``, ``archive_unreadable``, ``too_large``, ``format_unknown``,
    ``classes_unknown``, ``labels_invalid``, ``picture_unreadable``, ``empty``.
    """

    def __init__(self, code: str, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join((message, *problems)))
        self.code = code
        self.message = str(self)  # only code and message leave a sandbox
        self.problems = problems


def listed(problems: list[str]) -> tuple[str, ...]:
    """The first problems, and how many there are besides."""
    shown = tuple(problems[:MAX_PROBLEMS])
    more = len(problems) - len(shown)
    return (*shown, f"and {more} more") if more else shown
