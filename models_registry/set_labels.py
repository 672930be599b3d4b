"""The labels of an evaluation set while people work on them.

``draft.json`` holds every picture and which of them are done; ``annotations.json``, which versions
are measured on, only those that are done: proposed boxes that nobody has looked at are no truth.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from models_registry.benchmarking.classes import class_name
from models_registry.benchmarking.errors import EvaluationSetInvalid
from models_registry.benchmarking.evaluation_set import (
    ANNOTATIONS,
    EvaluationSet,
    LabelledBox,
    LabelledImage,
    load_set,
    save_annotations,
)
from models_registry.storage import write_whole

DRAFT = "draft.json"


@dataclass(frozen=True, slots=True)
class SetLabels:
    """All pictures of a set; ``done`` are the files of those that somebody has vouched for."""

    whole: EvaluationSet
    done: frozenset[str]

    def image(self, key: str) -> LabelledImage | None:
        """The picture whose file is called ``key`` without its suffix."""
        return next((x for x in self.whole.images if image_key(x) == key), None)

    def changed(self, image: LabelledImage, boxes: Sequence[LabelledBox], done: bool) -> SetLabels:
        """With other boxes on one picture."""
        new = replace(image, boxes=tuple(boxes))
        images = tuple(new if x.file == image.file else x for x in self.whole.images)
        files = self.done | {image.file} if done else self.done - {image.file}
        return SetLabels(replace(self.whole, images=images), files)

    def with_image(self, image: LabelledImage) -> SetLabels:
        """With one picture more, not done."""
        return SetLabels(replace(self.whole, images=(*self.whole.images, image)), self.done)

    def without(self, image: LabelledImage) -> SetLabels:
        """With one picture less."""
        images = tuple(x for x in self.whole.images if x.file != image.file)
        return SetLabels(replace(self.whole, images=images), self.done - {image.file})

    def covering(self, names: Sequence[str]) -> SetLabels:
        """With other classes covered; boxes of other classes stay, and count for nothing."""
        covered = tuple(dict.fromkeys(class_name(x) for x in names))
        return SetLabels(replace(self.whole, classes_covered=covered), self.done)

    def finished(self) -> EvaluationSet:
        """What versions may be measured on."""
        return replace(
            self.whole, images=tuple(x for x in self.whole.images if x.file in self.done)
        )


def image_key(image: LabelledImage) -> str:
    """The name of a picture in addresses: its file's without suffix."""
    return PurePosixPath(image.file).stem


def picture_file(folder: Path, image: LabelledImage) -> Path | None:
    """Where the picture lies; None if it is gone. Never a link: it might lead anywhere."""
    path = folder / image.file
    return path if path.is_file() and not path.is_symlink() else None


def read_labels(folder: Path) -> SetLabels:
    """Raises ``EvaluationSetInvalid``. Without a draft it was labelled elsewhere: all done."""
    try:
        text = (folder / DRAFT).read_bytes()
    except OSError:
        whole = load_set(folder)
        return SetLabels(whole, frozenset(x.file for x in whole.images))
    try:
        document = json.loads(text)
    except ValueError as error:
        raise EvaluationSetInvalid("labels_invalid", f"{DRAFT}: {error}") from error
    done = document.get("done", []) if isinstance(document, dict) else []
    return SetLabels(EvaluationSet.from_json(document), frozenset(done))


def write_labels(folder: Path, labels: SetLabels) -> None:
    """The draft first: what is measured on never knows more than the draft."""
    document = labels.whole.to_json() | {"done": sorted(labels.done)}
    write_whole(folder / DRAFT, json.dumps(document, allow_nan=False).encode())
    save_annotations(folder, labels.finished())


def labels_key(folder: Path) -> str:
    """Short, and equal for equal finished labels."""
    return hashlib.sha256((folder / ANNOTATIONS).read_bytes()).hexdigest()[:16]


def read_boxes(document: Any) -> list[LabelledBox]:
    """Boxes as ``[{"class", "xyxy", "crowd"?}]``. Raises ``EvaluationSetInvalid``."""
    image = {"file": "picture", "width": 1, "height": 1, "boxes": document}
    whole = EvaluationSet.from_json({"classes_covered": [], "images": [image]})
    return list(whole.images[0].boxes)


def boxes_json(image: LabelledImage) -> list[dict[str, Any]]:
    """The counterpart of ``read_boxes``."""
    boxes: list[dict[str, Any]] = EvaluationSet((), (image,)).to_json()["images"][0]["boxes"]
    return boxes
