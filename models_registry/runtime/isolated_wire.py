"""What a detector's process and its owner say to each other: small records, never pickle, since the
process runs a stranger's model. One record is one message of a socket that keeps their borders."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detections import Detections

MESSAGE_BYTES = 192 * 1024  # one message of a Unix socket as its buffers usually are
PICTURE_BYTES = 4096 * 4096 * 3  # the largest canvas that a contract may name
STAGES = ("attention", "preprocess", "inference", "postprocess")
# Number of the picture, its width and height, whether to forget those before it, its seconds.
REQUEST = struct.Struct("<IHH?d")
_ANSWER = struct.Struct("<IfffffI")  # number, wall ms, CPU ms of the stages, boxes
_ROW = np.dtype([("xyxy", "<f4", 4), ("confidence", "<f4"), ("class_id", "<i4")])
_READY, _FAILURE, _BOXES = b"R", b"F", b"B"


class Garbled(ValueError):
    """What came is none of the records below; says what was expected."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded and warm; ``run_s`` is what one run took then."""

    contract: ModelContract
    run_s: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A ``ModelUnusable`` in words; ``number`` of the picture, None while it was loaded."""

    code: str
    message: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Boxes:
    """What was found on picture ``number``, in its pixels."""

    number: int
    wall_ms: float
    stage_ms: dict[str, float]
    found: Detections


def pack_ready(contract: ModelContract, run_s: float) -> bytes:
    return _READY + json.dumps({"contract": contract.to_json(), "run_s": run_s}).encode()


def pack_failure(code: str, message: str, number: int | None = None) -> bytes:
    return _FAILURE + json.dumps([code, message[:1000], number]).encode()


def pack_boxes(
    number: int, wall_ms: float, stage_ms: Mapping[str, float], found: Detections
) -> bytes:
    rows = np.empty(min(len(found), (MESSAGE_BYTES - 64) // _ROW.itemsize), _ROW)
    rows["xyxy"] = found.xyxy[: len(rows)]  # strongest first, so the weakest are left out
    rows["confidence"] = found.confidence[: len(rows)]
    rows["class_id"] = found.class_id[: len(rows)]
    stages = [stage_ms.get(name, 0.0) for name in STAGES]
    return _BOXES + _ANSWER.pack(number, wall_ms, *stages, len(rows)) + rows.tobytes()


def unpack(message: bytes, labels: tuple[str, ...]) -> Ready | Failure | Boxes:
    """The record in a message from the process, every value of it checked. Raises ``Garbled``."""
    kind, content = message[:1], message[1:]
    try:
        if kind == _READY:
            return _ready(json.loads(content))
        if kind == _FAILURE:
            return _failure(json.loads(content))
        if kind == _BOXES:
            return _boxes(content, labels)
    except (ValueError, TypeError, LookupError, struct.error, RecursionError) as error:
        raise Garbled(f"expected an answer about a picture, got {error}"[:300]) from error
    raise Garbled(f"expected a kind of answer, got {kind!r}")


def _ready(document: Mapping[str, Any]) -> Ready:
    return Ready(ModelContract.from_json(document["contract"]), float(document["run_s"]))


def _failure(document: list[Any]) -> Failure:
    code, message, number = document
    whole = number is None or isinstance(number, int)
    if not (isinstance(code, str) and isinstance(message, str) and whole):
        raise ValueError(f"a failure made of {document!r}")
    return Failure(code[:40], message[:1000], number)


def _boxes(content: bytes, labels: tuple[str, ...]) -> Boxes:
    number, wall_ms, *stages, count = _ANSWER.unpack_from(content)
    if len(content) != _ANSWER.size + count * _ROW.itemsize:
        raise ValueError(f"{len(content)} bytes for {count} boxes")
    rows = np.frombuffer(content, _ROW, count, _ANSWER.size)
    xyxy = np.array(rows["xyxy"], np.float32).reshape(count, 4)
    confidence = np.array(rows["confidence"], np.float32)
    class_id = np.array(rows["class_id"], np.int32)
    known = (class_id >= 0) & (class_id < len(labels))
    sure = (confidence >= 0.0) & (confidence <= 1.0)
    if not (known.all() and sure.all() and np.isfinite(xyxy).all()):
        raise ValueError("boxes beyond all bounds")
    found = Detections(xyxy, confidence, class_id, labels)
    return Boxes(number, wall_ms, dict(zip(STAGES, stages, strict=True)), found)
