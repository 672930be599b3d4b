"""Why a file is not taken in."""

from __future__ import annotations

from typing import Any

CODES = (
    "not_found",
    "empty",
    "not_onnx",
    "truncated",
    "too_large",
    "too_complex",
    "external_data",
    "custom_operator",
    "unsupported_opset",
    "bad_package",
    "path_traversal",
    "zip_bomb",
    "encrypted_package",
    "contract_invalid",
    "contract_mismatch",
    "not_loadable",
    "not_image_input",
    "input_size",
    "unknown_layout",
    "run_failed",
    "crashed",
    "timeout",
    "out_of_memory",
)


class ModelRejected(Exception):
    """A file is refused; ``code`` (one of ``CODES``) is for programs. The message is for operators:
    what was expected, what came, what to do.

    ``facts``: what had been found out by then, as ``Inspection.to_json`` names it; possibly empty.
    """

    def __init__(self, code: str, message: str, facts: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts or {}

    def __reduce__(self) -> tuple[type[ModelRejected], tuple[str, str, dict[str, Any]]]:
        """Pickling keeps the code: the error crosses from a child process to its parent."""
        return ModelRejected, (self.code, self.message, self.facts)
