"""The gateway's side of an inspection: it starts the sandbox and checks what comes back."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from models_registry.inspection.package import MODEL
from models_registry.inspection.rejection import CODES, ModelRejected
from models_registry.inspection.report import Inspection
from models_registry.runtime.model_file import MAX_BYTES
from models_registry.sandbox import ChildError, ChildFailed, Limits, call
from models_registry.sandbox.wire import words

TARGET = "models_registry.inspection.child:inspect_file"
DEFAULT_LIMITS = Limits(niceness=10)  # cameras come first
_WORDS = {
    "timeout": "inspecting it did not end: {}; a model that loops or is this slow cannot serve"
    " cameras",
    "out_of_memory": "inspecting it took too much memory: {}; compress the model or choose a"
    " smaller one",
    "crashed": "inspecting it failed: {}; the file is damaged or not meant for this runtime,"
    " export it anew",
}


def inspect(
    path: Path,
    *,
    stated: Mapping[str, Any] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    max_bytes: int = MAX_BYTES,
    unpack_to: Path | None = None,
    on_progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Inspection:
    """What an uploaded file is, found out in a sandbox. It is an ``.onnx``, or a zip package.

    ``stated``: contract fields that the operator has named; they win over the package's. A zip's
    model is unpacked as ``model.onnx`` into the folder ``unpack_to`` (the caller's own, empty, on
    the disk where models are kept) and stays there; without one it is looked at and thrown away.
    Raises ``ModelRejected``, then nothing lies in ``unpack_to``; ``ChildFailed`` (``cancelled``)
    when ``cancelled`` said so.
    """
    if not path.is_file():
        raise ModelRejected("not_found", f"expected a file, {path.name} is none")
    with tempfile.TemporaryDirectory(prefix="aision-inspect-") as scratch:
        folder = unpack_to or Path(scratch)
        unpacked = folder / MODEL
        try:
            request = {
                "path": str(path.resolve()),
                "folder": str(folder.resolve()),
                "max_bytes": max_bytes,
                "stated": dict(stated) if stated is not None else None,
            }
            answer = _ask(
                request,
                limits=limits,
                write_dir=folder.resolve(),
                read_paths=[path.resolve()],
                on_progress=on_progress,
                cancelled=cancelled,
            )
            return _checked(answer, path, unpacked)
        except BaseException:
            unpacked.unlink(missing_ok=True)
            raise


def _ask(request: dict[str, Any], **options: Any) -> Any:
    try:
        return call(TARGET, request, **options)
    except ChildError as error:
        raise _rejected(error.code, error.message, {}) from error
    except ChildFailed as error:
        if error.code == "cancelled":
            raise
        raise ModelRejected(error.code, _WORDS[error.code].format(error.message)) from error


def _checked(answer: Any, path: Path, unpacked: Path) -> Inspection:
    """The child has looked at hostile bytes: its word counts only as far as it can be checked."""
    facts = answer.get("facts") if isinstance(answer, dict) else None
    if not isinstance(facts, dict):
        raise ModelRejected("crashed", _WORDS["crashed"].format("its answer is none"))
    model = unpacked if facts.pop("unpacked", False) is True else path
    if model.is_symlink() or not model.is_file():
        raise ModelRejected("crashed", _WORDS["crashed"].format("it unpacked nothing"))
    facts["size_bytes"] = model.stat().st_size
    if "rejected" in answer:
        raise _rejected(*_two_texts(answer["rejected"]), facts)
    facts["sha256"] = _sha256(model)
    try:
        inspection = Inspection.from_json(facts)
    except ValueError as error:
        raise ModelRejected("crashed", _WORDS["crashed"].format(error)) from error
    if inspection.contract is None and not inspection.proposals:
        raise ModelRejected("crashed", _WORDS["crashed"].format("it proposed no contract"))
    return inspection


def _rejected(code: str, message: str, facts: dict[str, Any]) -> ModelRejected:
    known = code if code in CODES else "crashed"
    return ModelRejected(known, words(message), Inspection.some_from_json(facts))


def _two_texts(value: Any) -> tuple[str, str]:
    code, message = value if isinstance(value, list) and len(value) == 2 else ("crashed", "")
    return str(code)[:40], str(message)[:4000]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
