"""Versions in the registry with real files: tiny ONNX detectors that see what they are built to."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from typing import Any

from models_registry.models import ModelVersion, OriginChoice
from models_registry.runtime.contract import ModelContract
from models_registry.runtime.labels import COCO_80
from models_registry.services.catalog import version_add
from models_registry.storage import version_path, write_whole
from tests.onnx_zoo import TWO_OBJECTS, Seen, build, yolox_output

_numbers = itertools.count(1)


def store_model(content: bytes) -> tuple[str, int]:
    """Put a model into the store; its SHA-256 and size."""
    sha256 = hashlib.sha256(content).hexdigest()
    write_whole(version_path(sha256), content)
    return sha256, len(content)


def make_version(
    model: str = "yard",
    objects: Sequence[Seen] = TWO_OBJECTS,
    *,
    labels: Sequence[str] = COCO_80,
    contract: bool = True,
    by: Any = None,
) -> ModelVersion:
    """The next version of a lineage: a YOLOX-shaped file that sees ``objects`` on every frame.

    Each call makes another file, for the same file would be the same version.
    """
    content = zoo_detector(objects, classes=len(labels))
    sha256, size_bytes = store_model(content)
    version, new = version_add(
        by=by,
        model_name=model,
        sha256=sha256,
        size_bytes=size_bytes,
        contract=zoo_contract(labels) if contract else None,
        inspection={"task": "detection"},
        origin=OriginChoice.UPLOADED,
        file_name=f"{model}.onnx",
    )
    assert new
    return version


def zoo_detector(objects: Sequence[Seen] = TWO_OBJECTS, *, classes: int = 80) -> bytes:
    """A YOLOX-shaped file unlike every one before."""
    output = yolox_output(objects, classes)
    return build({"output": output}, metadata={"number": str(next(_numbers))})


def zoo_contract(labels: Sequence[str] = COCO_80) -> dict[str, Any]:
    """How ``zoo_detector`` is fed and read."""
    return ModelContract(
        layout="yolox",
        input_name="images",
        input_width=224,
        input_height=224,
        labels=tuple(labels),
        colour_order="bgr",
        fit="top_left",
    ).to_json()
