"""Makes a stored evaluation set, picture by picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from models_registry.benchmarking.classes import class_name
from models_registry.benchmarking.evaluation_set import (
    IMAGES,
    EvaluationSet,
    LabelledBox,
    LabelledImage,
    save_annotations,
)
from models_registry.benchmarking.stills import decode_still, digest, suffix

LEAST_SIDE = 1e-6  # what the six digits of a stored corner still tell from nothing


class SetWriter:
    """Writes pictures at once and the labels last, so that a half-made set has no labels at all.

    One picture stands in a set once: with ``add`` returning ``None`` the second is left out.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._images: dict[str, LabelledImage] = {}
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        return len(self._images)

    def add(
        self, content: bytes, boxes: Sequence[LabelledBox], name: str = "picture"
    ) -> LabelledImage | None:
        """Stores JPEG or PNG bytes. Raises ``MeasurementFailed`` (``still_unreadable``)."""
        height, width = decode_still(content, name).shape[:2]
        key = digest(content)
        if key in self._images:
            return None
        file = f"{IMAGES}/{key}{suffix(content)}"
        waiting = self._folder / IMAGES / f".{key}"
        waiting.write_bytes(content)
        waiting.replace(self._folder / file)
        image = LabelledImage(file, width, height, tuple(boxes))
        self._images[key] = image
        return image

    def finish(self, classes_covered: Iterable[str]) -> EvaluationSet:
        """Writes the labels."""
        names = tuple(dict.fromkeys(class_name(x) for x in classes_covered))
        made = EvaluationSet(names, tuple(self._images.values()))
        save_annotations(self._folder, made)
        return made


def clipped(
    xyxy: tuple[float, float, float, float], width: float = 1.0, height: float = 1.0
) -> tuple[float, float, float, float] | None:
    """Corners on a picture of this size → 0–1, cut at its edges; ``None`` if nothing is left."""
    x1, x2 = (min(max(x / width, 0.0), 1.0) for x in xyxy[0::2])
    y1, y2 = (min(max(y / height, 0.0), 1.0) for y in xyxy[1::2])
    return (x1, y1, x2, y2) if x2 - x1 > LEAST_SIDE and y2 - y1 > LEAST_SIDE else None
