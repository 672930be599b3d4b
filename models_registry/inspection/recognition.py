"""What kind of model a graph without detector outputs looks like, with the evidence in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

DETECTION = "detection"
UNKNOWN = "unknown"
_EXPORTERS_WORDS = {
    "detect": DETECTION,
    "pose": "pose estimation",
    "segment": "segmentation",
    "obb": "rotated detection",
    "classify": "classification",
}
_EMBEDDING_SIZES = (64, 96, 128, 192, 256, 384, 512, 751, 768, 1024, 2048)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a dry run showed: the picture's size, outputs in declared order, operators."""

    width: int
    height: int
    names: Sequence[str]
    shapes: Sequence[tuple[int, ...]]
    operators: frozenset[str]
    stated_task: str = ""


@dataclass(frozen=True, slots=True)
class Likeness:
    """A word for the task, and what speaks for it."""

    task: str
    evidence: str


def recognise(seen: Seen) -> Likeness:
    """The first kind that the evidence speaks for; ``UNKNOWN`` when none does."""
    if seen.stated_task in _EXPORTERS_WORDS:
        task = _EXPORTERS_WORDS[seen.stated_task]
        return Likeness(task, f"its exporter wrote the task {seen.stated_task!r} into the file")
    for kind in _KINDS:
        likeness = kind(seen)
        if likeness is not None:
            return likeness
    return Likeness(UNKNOWN, "its outputs fit no kind of model that is known here")


def _landmarks(seen: Seen) -> Likeness | None:
    """Boxes with corner or face points beside them."""
    widths = [shape[-1] for shape in seen.shapes if shape]
    if 4 not in widths:
        return None
    if 10 in widths:
        return Likeness("face detection", "beside each box stand five points, as of a face")
    if 8 in widths:
        return Likeness("plate detection", "beside each box stand four points, as of a plate")
    return None


def _face_anchors(seen: Seen) -> Likeness | None:
    """UltraFace's boxes: two classes, 3, 2, 2 and 3 anchors per cell of strides 8 to 64."""
    anchors = sum(
        count * math.ceil(seen.width / stride) * math.ceil(seen.height / stride)
        for count, stride in ((3, 8), (2, 16), (2, 32), (3, 64))
    )
    if sorted(shape[-2:] for shape in seen.shapes) == [(anchors, 2), (anchors, 4)]:
        return Likeness(
            "face detection", f"its {anchors} boxes of one class lie on UltraFace's anchors"
        )
    return None


def _one_class_boxes(seen: Seen) -> Likeness | None:
    shapes = sorted(shape[-2:] for shape in seen.shapes if len(shape) >= 2)
    if len(shapes) == 2 and shapes[0][0] == shapes[1][0] and {x[1] for x in shapes} == {2, 4}:
        return Likeness(
            "one-class detection", "its outputs are boxes and two scores, background and object"
        )
    return None


def _reading(seen: Seen) -> Likeness | None:
    """A low, wide picture into steps of characters."""
    if len(seen.shapes) != 1 or seen.width < 2 * seen.height:
        return None
    sides = [x for x in seen.shapes[0] if x != 1]
    if len(sides) == 2 and min(sides) >= 5 and max(sides) <= 10_000:
        steps = f"{sides[0]} × {sides[1]}"
        return Likeness(
            "plate reading",
            f"it takes a low, wide picture ({seen.width}×{seen.height}) and gives {steps} scores,"
            " characters at places",
        )
    return None


def _embedding(seen: Seen) -> Likeness | None:
    """One vector of a usual length, from a picture upright as a person, or square as a face."""
    length = _vector(seen)
    if length not in _EMBEDDING_SIZES or "Softmax" in seen.operators:
        return None
    if seen.height >= 1.5 * seen.width:
        return Likeness(
            "re-identification",
            f"it turns an upright picture ({seen.width}×{seen.height}) into one vector of {length}",
        )
    if seen.height == seen.width <= 160:
        return Likeness(
            "face recognition", f"it turns a small square picture into one vector of {length}"
        )
    return None


def _classification(seen: Seen) -> Likeness | None:
    length = _vector(seen)
    if length and length > 1:
        return Likeness("classification", f"it gives one vector of {length} scores per picture")
    return None


def _segmentation(seen: Seen) -> Likeness | None:
    for shape in seen.shapes:
        if len(shape) == 4 and shape[2] * 8 >= seen.height and shape[3] * 8 >= seen.width:
            return Likeness(
                "segmentation", f"it gives a map of {shape[3]}×{shape[2]} values per picture"
            )
    return None


def _vector(seen: Seen) -> int | None:
    """The length, if all that comes out is one vector."""
    if len(seen.shapes) != 1:
        return None
    sides = [x for x in seen.shapes[0] if x != 1]
    return sides[0] if len(sides) == 1 else None


_KINDS: tuple[Callable[[Seen], Likeness | None], ...] = (
    _landmarks,
    _face_anchors,
    _one_class_boxes,
    _reading,
    _embedding,
    _classification,
    _segmentation,
)
