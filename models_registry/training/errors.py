"""Why a training cannot begin or go on."""

from __future__ import annotations

from typing import Any


class TrainingFailed(Exception):
    """``code`` is for programs, the message for people.

    Codes: ``recipe_invalid``, ``labels_invalid``, ``picture_unreadable``, ``teacher_unusable``,
    ``torch_missing``, ``checkpoint_invalid``, ``loss_not_finite``, ``export_unsupported``,
    ``model_unusable``, ``output_exists``, ``start_unusable``, ``graph_unsupported``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickling keeps the code: the error crosses from a loader's process to its parent."""
        return TrainingFailed, (self.code, self.message)
