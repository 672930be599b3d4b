"""The models that ship, each with model card (.md) and, for a detector, contract (.json) beside it.

`manage.py ship_detector` writes the detector's files."""

from __future__ import annotations

from pathlib import Path

LINEAGE, ALIAS = "road-users", "production"
_FOLDER = Path(__file__).resolve().parent
PARENT = _FOLDER / "road-users.onnx"
DETECTOR = _FOLDER / "road-users-int8.onnx"
"""The detector of a fresh gateway, quantized from ``PARENT``."""


def inspection_of(model: Path) -> Path:
    """What the inspector found out about the file, kept so that a first start need not wait."""
    return model.with_suffix(".inspection.json")
