"""Loading a model and running it on a grey picture: its layout, its contract, its cost."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models_registry.inspection.recognition import DETECTION, Likeness, Seen, recognise
from models_registry.inspection.rejection import ModelRejected
from models_registry.inspection.report import Proposal
from models_registry.runtime.contract import ContractInvalid, check_names
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.layouts import Examined, examine, settle_examined, stated_sides
from models_registry.runtime.model_file import ModelFile
from models_registry.runtime.probe import probe
from models_registry.runtime.session import Session

_NO_MEMORY = ("bad_alloc", "bad allocation", "allocate memory", "out of memory", "bfc_arena")


def run_once(
    file: ModelFile, stated: dict[str, Any] | None, operators: Iterable[str]
) -> dict[str, Any]:
    """The fields of ``Inspection`` that need a run, as JSON values, and ``input_shapes``.

    Raises ``ModelRejected``; for a model that is no detector with the words of what it looks like,
    and ``facts`` naming its task.
    """
    found: dict[str, Any] = {}
    try:
        before_bytes = _memory_bytes("VmRSS")
        session = Session(file.content)
        wishes = check_names(stated or {})
        examined = examine(file, session, *stated_sides(wishes))
        found |= _cost(file, session, examined, before_bytes)
        found["proposals"] = [_proposal(x) for x in examined.findings]
        found |= _contract(examined, wishes, frozenset(operators))
    except ModelRejected as error:
        raise ModelRejected(error.code, error.message, {**found, **error.facts}) from error
    except ModelUnusable as error:
        raise _rejected(error.code, error.message, found) from error
    except ContractInvalid as error:
        raise ModelRejected("contract_invalid", str(error), found) from error
    return found


def _contract(
    examined: Examined, wishes: dict[str, Any], operators: frozenset[str]
) -> dict[str, Any]:
    try:
        settled = settle_examined(examined, wishes)
    except ModelUnusable as error:
        if error.code == "ambiguous_layout" and examined.findings:
            words = f"a person must choose how its outputs are read: {error.message}"
            return {"task": DETECTION, "contract": None, "warnings": [words]}
        if error.code == "unknown_layout":
            likeness = _likeness(examined, operators)
            raise ModelRejected(
                "unknown_layout",
                f"it looks like {likeness.task}: {likeness.evidence}; {error.message}. If it is a"
                " detector after all, state its layout in a contract",
                {"task": likeness.task},
            ) from error
        raise
    unsure = [] if settled.finding is None else [*settled.finding.unsure]
    doubtful = [name for name in unsure if name not in wishes]
    words = f"assumed, please check on a picture: {', '.join(doubtful)}"
    return {
        "task": DETECTION,
        "contract": settled.contract.to_json(),
        "warnings": [words] if doubtful else [],
    }


def _likeness(examined: Examined, operators: frozenset[str]) -> Likeness:
    seen = examined.probe
    return recognise(
        Seen(seen.width, seen.height, seen.names, seen.shapes, operators, examined.notes.task)
    )


def _cost(
    file: ModelFile, session: Session, examined: Examined, before_bytes: int
) -> dict[str, Any]:
    """Of a second run; the first one has allocated what stays."""
    picture, seen = examined.picture, examined.probe
    sides = (3, seen.height, seen.width)
    shape = (1, *sides) if picture.axes == "nchw" else (1, *sides[1:], 3)
    started_s = time.perf_counter()
    probe(session, picture, seen.width, seen.height, file.pixel_range)
    return {
        "dry_run_ms": (time.perf_counter() - started_s) * 1e3,
        "peak_memory_bytes": max(_memory_bytes("VmHWM") - before_bytes, 0),
        "input_shapes": {picture.name: shape},
    }


def _proposal(finding: Any) -> dict[str, Any]:
    return Proposal(
        finding.contract, finding.certainty, finding.reason, tuple(finding.unsure)
    ).to_json()


def _rejected(code: str, message: str, found: dict[str, Any]) -> ModelRejected:
    if any(x in message.lower() for x in _NO_MEMORY):
        return ModelRejected(
            "out_of_memory",
            f"running it takes more memory than an inspection may use: {message}",
            found,
        )
    return ModelRejected(code, message, found)


def _memory_bytes(name: str) -> int:
    """``VmRSS``, what is resident now, or ``VmHWM``, the most that ever was. ``getrusage`` would
    not do: a process inherits its peak from the one that started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0
