"""An uploaded set, YOLO or COCO, folder or zip, into the stored form. Runs on untrusted files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from models_registry.benchmarking.classes import class_name
from models_registry.benchmarking.coco_labels import find_coco, read_coco
from models_registry.benchmarking.drafts import Draft, DraftPicture, in_split
from models_registry.benchmarking.errors import (
    MAX_PROBLEMS,
    EvaluationSetInvalid,
    MeasurementFailed,
    listed,
)
from models_registry.benchmarking.evaluation_set import LabelledBox, LabelledImage
from models_registry.benchmarking.label_source import LabelSource, SourceLimits, open_source
from models_registry.benchmarking.set_writer import SetWriter, clipped
from models_registry.benchmarking.stills import MAX_BYTES
from models_registry.benchmarking.yolo_labels import NO_LABEL, read_yolo

Progress = Callable[[float, str], None]
FORMATS = ("", "yolo", "coco")
MAX_LEFT_OUT = 50


@dataclass(frozen=True, slots=True)
class ImportWishes:
    """What the operator states. ``class_names`` replace a missing ``data.yaml``;
    ``classes_covered`` None: those with a box; ``rename``: set's word → ours, as van → car;
    ``split``: only below a folder of this name; ``annotations``: which of several JSON files."""

    format: str = ""
    class_names: tuple[str, ...] = ()
    classes_covered: tuple[str, ...] | None = None
    rename: dict[str, str] = field(default_factory=dict)
    split: str = ""
    annotations: str = ""


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What was stored. ``classes_without_boxes`` are named by the set but never labelled: nobody
    but the operator knows whether they are absent or were not looked for. ``classes_not_covered``
    have boxes that will not be scored. ``left_out``: why, by file name, the first of
    ``left_out_count``."""

    format: str
    images: int
    boxes_per_class: dict[str, int]
    crowd_regions: int
    classes_covered: tuple[str, ...]
    classes_without_boxes: tuple[str, ...]
    classes_not_covered: tuple[str, ...]
    left_out: dict[str, str]
    left_out_count: int


def import_set(
    path: Path,
    folder: Path,
    wishes: ImportWishes,
    progress: Progress,
    limits: SourceLimits | None = None,
) -> ImportSummary:
    """Reads the folder or zip at ``path`` and writes the stored form into ``folder``.

    Raises ``EvaluationSetInvalid``; then ``folder`` holds no ``annotations.json``. Every fault of
    every line is looked for before a picture is.
    """
    limits = limits or SourceLimits()
    if wishes.format not in FORMATS:
        raise EvaluationSetInvalid("format_unknown", f"expected yolo or coco, got {wishes.format}")
    source = open_source(path, limits)
    kind, draft = read_draft(source, wishes)
    _complain("labels_invalid", "labels that cannot be read", draft.problems)
    _check_count(draft, len(source.names), limits)
    rename = {class_name(old): class_name(new) for old, new in wishes.rename.items()}
    store, images = _Store(source, draft, rename, SetWriter(folder)), list[LabelledImage]()
    for index, picture in enumerate(draft.pictures):
        images += store.add(picture)
        progress((index + 1) / len(draft.pictures), f"{index + 1} of {len(draft.pictures)} read")
    _complain("picture_unreadable", "pictures that cannot be used", store.problems)
    named = tuple(dict.fromkeys(rename.get(x, x) for x in draft.class_names))
    labelled = {box.class_name for image in images for box in image.boxes}
    stated = wishes.classes_covered
    made = store.writer.finish([x for x in named if x in labelled] if stated is None else stated)
    return ImportSummary(
        format=kind,
        images=len(made.images),
        boxes_per_class=made.boxes_per_class(),
        crowd_regions=sum(box.crowd for image in images for box in image.boxes),
        classes_covered=made.classes_covered,
        classes_without_boxes=tuple(x for x in named if x not in labelled),
        classes_not_covered=tuple(sorted(labelled - set(made.classes_covered))),
        left_out=dict(list(draft.left_out.items())[:MAX_LEFT_OUT]),
        left_out_count=len(draft.left_out),
    )


def read_draft(source: LabelSource, wishes: ImportWishes) -> tuple[str, Draft]:
    """The format and what its label files say. Raises ``EvaluationSetInvalid``."""
    found = None
    if wishes.format != "yolo":
        found = find_coco(source, split=wishes.split, file=wishes.annotations)
    if found is not None:
        return "coco", read_coco(source, *found)
    if wishes.format == "coco":
        raise EvaluationSetInvalid(
            "format_unknown",
            "expected a JSON file with images, annotations and categories, found none",
            _no_coco(source, wishes.split),
        )
    return "yolo", read_yolo(source, names=wishes.class_names, split=wishes.split)


def _no_coco(source: LabelSource, split: str) -> tuple[str, ...]:
    """Why none of the JSON files has instances, each by its name."""
    names = [x for x in source.names if x.lower().endswith(".json") and in_split(x, split)]
    problems = []
    for name in names[:MAX_PROBLEMS]:  # those beyond would be read for nothing
        try:
            find_coco(source, file=name)
        except EvaluationSetInvalid as error:
            problems.append(error.message)
    return listed([*problems, *names[MAX_PROBLEMS:]])


@dataclass(slots=True)
class _Store:
    """Takes the draft's pictures one by one into the stored form."""

    source: LabelSource
    draft: Draft
    rename: dict[str, str]
    writer: SetWriter
    problems: list[str] = field(default_factory=list)

    def add(self, picture: DraftPicture) -> list[LabelledImage]:
        """The stored picture; none if it was left out or is a problem."""
        try:
            content = self.source.read(picture.name, MAX_BYTES)
            boxes = _boxes(picture, self.draft, self.rename)
            image = self.writer.add(content, boxes, picture.name)
        except (MeasurementFailed, EvaluationSetInvalid) as error:
            self.problems.append(error.message)
            return []
        if image is None:
            self.draft.left_out[picture.name] = "the same picture is in the set already"
            return []
        stated, size = picture.stated_size, (image.width, image.height)
        if self.draft.pixels and stated is not None and stated != size:
            self.problems.append(
                f"{picture.name}: expected {stated[0]}×{stated[1]} pixels as its annotations say,"
                f" got {size[0]}×{size[1]}"
            )
        return [image]


def _boxes(picture: DraftPicture, draft: Draft, rename: dict[str, str]) -> list[LabelledBox]:
    width, height = (picture.stated_size or (0, 0)) if draft.pixels else (1, 1)
    if width < 1 or height < 1:
        raise EvaluationSetInvalid(
            "labels_invalid", f"{picture.name}: expected its width and height in the annotations"
        )
    boxes = []
    for box in picture.boxes:
        corners = clipped(box.xyxy, width, height)
        if corners is None:
            raise EvaluationSetInvalid(
                "labels_invalid", f"{box.place}: expected a box on the picture, it lies outside"
            )
        boxes.append(LabelledBox(rename.get(box.class_name, box.class_name), corners, box.crowd))
    return boxes


def _check_count(draft: Draft, files: int, limits: SourceLimits) -> None:
    if not draft.pictures:
        unlabelled = sum(why == NO_LABEL for why in draft.left_out.values())
        raise EvaluationSetInvalid(
            "empty",
            f"expected JPEG or PNG pictures with labels, found {files} files,"
            f" {unlabelled} of them pictures without a label file",
        )
    if len(draft.pictures) > limits.pictures:
        raise EvaluationSetInvalid(
            "too_large", f"expected at most {limits.pictures} pictures, got {len(draft.pictures)}"
        )


def _complain(code: str, what: str, problems: list[str]) -> None:
    if problems:
        raise EvaluationSetInvalid(code, f"{len(problems)} {what}:", listed(problems))
