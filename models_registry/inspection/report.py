"""What was found in a model file, as it is stored and shown."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from models_registry.runtime.contract import ModelContract

MOST_ENTRIES, MOST_CHARS, MOST_NESTED = 600, 2000, 8
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
CARD_CHARS, CONTRACT_CHARS = 256 * 1024, 1024 * 1024
LARGEST = 2**62  # the largest whole number that every database column of ours takes
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Value:
    """A declared input or output: sides are numbers, names of open sides, or ``None``."""

    name: str
    shape: tuple[int | str | None, ...]
    element_type: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"name": self.name, "shape": [*self.shape], "element_type": self.element_type}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plausible contract; ``unsure``: its fields that a person should confirm."""

    contract: ModelContract
    certainty: float
    reason: str
    unsure: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "contract": self.contract.to_json(),
            "certainty": self.certainty,
            "reason": self.reason,
            "unsure": [*self.unsure],
        }


@dataclass(frozen=True, slots=True)
class Inspection:
    """A file that may be taken in, and what it is.

    ``sha256`` and ``size_bytes`` are those of the ONNX file itself, unpacked if it came in a zip.
    ``task`` is ``detection``, or what else it looks like. ``contract`` is settled, or ``None`` when
    a person must choose among ``proposals`` (best first; never empty then). ``stated`` and ``card``
    came with the package. ``macs`` is ``None`` where the graph does not tell. ``dry_run_ms``: one
    run on one thread in a busy sandbox, a hint and no benchmark; ``peak_memory_bytes``: what
    loading and two runs added to the process.
    """

    sha256: str
    size_bytes: int
    opset: int
    ir_version: int
    producer: str
    operators: Mapping[str, int]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    parameters: int
    macs: int | None
    weight_bytes_by_type: Mapping[str, int]
    task: str
    proposals: tuple[Proposal, ...]
    contract: ModelContract | None
    dry_run_ms: float
    peak_memory_bytes: int
    metadata: Mapping[str, str]
    warnings: tuple[str, ...]
    stated: Mapping[str, Any] | None = None
    card: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; ``from_json`` takes them back."""
        document = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("operators", "weight_bytes_by_type", "metadata"):
            document[name] = dict(document[name])
        for name in ("inputs", "outputs", "proposals"):
            document[name] = [x.to_json() for x in document[name]]
        document["warnings"] = [*self.warnings]
        document["contract"] = self.contract.to_json() if self.contract else None
        document["stated"] = dict(self.stated) if self.stated is not None else None
        return document

    @classmethod
    def from_json(cls, document: Any) -> Inspection:
        """Takes nothing on trust: types, ranges and lengths are checked. Raises ``ValueError``."""
        known = {field.name for field in fields(cls)}
        if not isinstance(document, dict) or set(document) - known:
            raise ValueError(f"expected an object with the fields {sorted(known)}")
        clean = _clean(document)
        read = {name: check(clean.get(name)) for name, check in _CHECKS.items()}
        return cls(**read)

    @staticmethod
    def some_from_json(document: dict[str, Any]) -> dict[str, Any]:
        """Those plain facts of an incomplete document that pass the same checks."""
        some = {}
        for name in document.keys() & _CHECKS.keys() - {"proposals", "contract", "stated"}:
            with contextlib.suppress(ValueError):
                value = _clean(document[name])
                _CHECKS[name](value)
                some[name] = value
        return some


def _clean(value: Any, depth: int = 0) -> Any:
    """Without characters that a database refuses or a page cannot show, not nested deeply."""
    if isinstance(value, str):
        return "".join(x if x.isprintable() or x in "\n\t" else REPLACEMENT for x in value)
    if not isinstance(value, dict | list | tuple):
        return value
    _require(depth < MOST_NESTED, f"at most {MOST_NESTED} levels", "more")
    if isinstance(value, dict):
        return {_clean(name): _clean(x, depth + 1) for name, x in value.items()}
    return [_clean(x, depth + 1) for x in value]


def _require(holds: bool, expected: str, got: object) -> None:
    if not holds:
        raise ValueError(f"expected {expected}, got {repr(got)[:100]}")


def _text(value: Any, limit: int = MOST_CHARS) -> str:
    _require(isinstance(value, str) and len(value) <= limit, f"text of {limit} characters", value)
    return str(value)


def _whole(value: Any) -> int:
    _require(type(value) is int and 0 <= value <= LARGEST, "a whole number from 0", value)
    return int(value)


def _real(value: Any) -> float:
    holds = type(value) in (int, float) and 0 <= value < math.inf
    _require(holds, "a number from 0", value)
    return float(value)


def _macs(value: Any) -> int | None:
    return None if value is None else _whole(value)


def _sha256(value: Any) -> str:
    text = _text(value, 64)
    _require(len(text) == 64 and set(text) <= set("0123456789abcdef"), "a sha256", value)
    return text


def _many(check: Callable[[Any], Part]) -> Callable[[Any], tuple[Part, ...]]:
    def checked(value: Any) -> tuple[Part, ...]:
        _require(isinstance(value, list | tuple) and len(value) <= MOST_ENTRIES, "a list", value)
        return tuple(check(x) for x in value)

    return checked


def _named(check: Callable[[Any], Part]) -> Callable[[Any], dict[str, Part]]:
    def checked(value: Any) -> dict[str, Part]:
        _require(isinstance(value, dict) and len(value) <= MOST_ENTRIES, "an object", value)
        return {_text(name): check(x) for name, x in value.items()}

    return checked


def _side(value: Any) -> int | str | None:
    if value is None or isinstance(value, str):
        return None if value is None else _text(value)
    return _whole(value)


def _value(value: Any) -> Value:
    _require(isinstance(value, dict), "an object", value)
    return Value(
        _text(value.get("name")),
        _many(_side)(value.get("shape")),
        _text(value.get("element_type")),
    )


def _contract(value: Any) -> ModelContract | None:
    if value is None:
        return None
    _bounded(value)
    return ModelContract.from_json(value)  # its ContractInvalid is a ValueError


def _proposal(value: Any) -> Proposal:
    _require(isinstance(value, dict), "an object", value)
    contract = _contract(value.get("contract"))
    if contract is None:
        raise ValueError("expected a contract in each proposal, got none")
    return Proposal(
        contract,
        _real(value.get("certainty")),
        _text(value.get("reason")),
        _many(_text)(value.get("unsure")),
    )


def _stated(value: Any) -> dict[str, Any] | None:
    _require(value is None or isinstance(value, dict), "an object", value)
    _bounded(value)
    return value if value is None else dict(value)


def _bounded(value: Any) -> None:
    length = len(json.dumps(value))
    _require(length <= CONTRACT_CHARS, f"a contract of at most {CONTRACT_CHARS} characters", length)


def _card(value: Any) -> str:
    return _text(value or "", CARD_CHARS)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "sha256": _sha256,
    "size_bytes": _whole,
    "opset": _whole,
    "ir_version": _whole,
    "producer": _text,
    "operators": _named(_whole),
    "inputs": _many(_value),
    "outputs": _many(_value),
    "parameters": _whole,
    "macs": _macs,
    "weight_bytes_by_type": _named(_whole),
    "task": _text,
    "proposals": _many(_proposal),
    "contract": _contract,
    "dry_run_ms": _real,
    "peak_memory_bytes": _whole,
    "metadata": _named(_text),
    "warnings": _many(_text),
    "stated": _stated,
    "card": _card,
}
