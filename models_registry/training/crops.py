"""Pictures of one object each, in a folder per class: what stands out from the rim is the object.

Cut out by GrabCut (Rother, Kolmogorov and Blake 2004), which asks for no training.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.benchmarking.drafts import is_picture
from models_registry.benchmarking.errors import MeasurementFailed
from models_registry.benchmarking.evaluation_set import LabelledBox
from models_registry.benchmarking.set_writer import clipped
from models_registry.benchmarking.stills import decode_still
from models_registry.training.errors import TrainingFailed
from models_registry.training.recipe import SourceRecipe

RIM = 0.04  # of each side: surely not the object
ROUNDS = 4
LEAST_SHARE = 0.5  # of its class's median area: of a smaller box the cut lost a part
Corners = tuple[float, float, float, float]


def crops_in(recipe: SourceRecipe, path: Path) -> dict[str, list[Path]]:
    """The pictures by the folder of their class. Raises ``TrainingFailed`` where one has none."""
    found = {}
    for kind in recipe.names:
        folder = path / kind
        files = sorted(x for x in folder.iterdir() if is_picture(x.name)) if folder.is_dir() else []
        if not files:
            raise TrainingFailed(
                "labels_invalid", f"{recipe.name}: expected pictures of one class in {folder}"
            )
        found[kind] = files
    return found


def read_crops(kind: str, files: list[Path]) -> Iterator[tuple[Path, LabelledBox]]:
    """Pictures and the one box on each; those whose cut is not believed are left out. Raises
    ``TrainingFailed``."""
    boxes = [_box(x) for x in files]
    areas = [_area(x) for x in boxes if x is not None]
    least = LEAST_SHARE * float(np.median(areas)) if areas else 0.0
    for file, box in zip(files, boxes, strict=True):
        if box is not None and _area(box) >= least:
            yield file, LabelledBox(kind, box)


def outline(picture: NDArray[np.uint8]) -> Corners | None:
    """Corners in 0–1 of the largest thing on a BGR picture (H, W, 3) that differs from its rim;
    ``None`` where nothing does."""
    height, width = picture.shape[:2]
    side_x, side_y = (max(1, round(x * RIM)) for x in (width, height))
    if width <= 4 * side_x or height <= 4 * side_y:
        return None
    mask = np.zeros((height, width), np.uint8)
    inner = (side_x, side_y, width - 2 * side_x, height - 2 * side_y)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(1)  # the cut begins with a clustering by chance
    cv2.grabCut(picture, mask, inner, *models, ROUNDS, cv2.GC_INIT_WITH_RECT)
    object_ = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    object_ = cv2.morphologyEx(object_, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, _, parts, _ = cv2.connectedComponentsWithStats(object_)
    if count < 2:
        return None
    x, y, w, h, _ = max(parts[1:].tolist(), key=lambda part: part[cv2.CC_STAT_AREA])
    return clipped((x, y, x + w, y + h), width, height)


def _box(file: Path) -> Corners | None:
    try:
        return outline(decode_still(file.read_bytes(), file.name))
    except MeasurementFailed as error:
        raise TrainingFailed("picture_unreadable", error.message) from error


def _area(box: Corners) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
