"""Why a model file cannot be used as a detector."""

from __future__ import annotations


class ModelUnusable(Exception):
    """A model cannot serve; ``code`` is for programs, the message says what was expected and got.

    Codes: ``not_found``, ``too_large``, ``not_onnx``, ``external_data``, ``not_loadable``,
    ``not_image_input``, ``input_size``, ``run_failed``, ``unknown_layout``, ``ambiguous_layout``,
    ``contract_invalid``, ``contract_mismatch``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[ModelUnusable], tuple[str, str]]:
        """Pickling keeps the code: the error crosses from a child process to its parent."""
        return ModelUnusable, (self.code, self.message)
