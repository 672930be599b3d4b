"""Reads the sources of a recipe: folders of pictures with labels in one of the known forms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from models_registry.benchmarking.classes import class_name
from models_registry.benchmarking.drafts import Draft, DraftPicture, is_picture
from models_registry.benchmarking.errors import EvaluationSetInvalid, listed
from models_registry.benchmarking.evaluation_set import load_set
from models_registry.benchmarking.label_source import FolderSource, SourceLimits
from models_registry.benchmarking.set_import import ImportWishes, read_draft
from models_registry.benchmarking.set_writer import clipped
from models_registry.benchmarking.yolo_labels import NO_PICTURE
from models_registry.training.errors import TrainingFailed
from models_registry.training.labelled import (
    ANY_CLASS,
    LabelledPicture,
    LabelledSource,
    make_objects,
)
from models_registry.training.pictures import picture_size
from models_registry.training.recipe import SourceRecipe

LIMITS = SourceLimits(files=2_000_000, total_bytes=10**13, pictures=1_000_000)
Row = tuple[tuple[float, ...], int, float, bool]


def read_source(recipe: SourceRecipe, classes: tuple[str, ...], folder: Path) -> LabelledSource:
    """``folder``: where the source lies. Raises ``TrainingFailed`` (``labels_invalid``), naming
    file and line of every fault."""
    if not folder.is_dir():
        raise TrainingFailed("labels_invalid", f"{recipe.name}: expected a folder {folder}")
    try:
        pictures = list(_READERS[recipe.format](recipe, classes, folder))
    except EvaluationSetInvalid as error:
        raise TrainingFailed("labels_invalid", f"{recipe.name}: {error.message}") from error
    if not pictures:
        raise TrainingFailed(
            "labels_invalid",
            f"{recipe.name}: expected pictures with labels in {folder}, found none",
        )
    if recipe.most is not None and len(pictures) > recipe.most:
        kept = np.linspace(0, len(pictures) - 1, recipe.most).astype(int)
        pictures = [pictures[i] for i in kept]
    share = recipe.share or float(len(pictures))
    return LabelledSource(recipe.name, tuple(pictures), share, recipe.paste)


def _drafted(
    recipe: SourceRecipe, classes: tuple[str, ...], folder: Path
) -> Iterator[LabelledPicture]:
    """YOLO and COCO."""
    wishes = ImportWishes(
        format=recipe.format,
        class_names=recipe.names,
        split=recipe.split,
        annotations=recipe.annotations,
    )
    _, draft = read_draft(FolderSource(folder, LIMITS), wishes)
    _check_words(recipe, draft.class_names)
    words = _Words(recipe, classes)
    labelled = np.isin(classes, [class_name(x) for x in recipe.labelled or ()])
    made = [
        LabelledPicture(folder / x.name, make_objects(_rows(x, folder, draft, words)), labelled)
        for x in draft.pictures
    ]
    draft.problems += [
        f"{name}: expected a JPEG or PNG of this name that is no link, found none"
        for name, why in draft.left_out.items()
        if why == NO_PICTURE
    ]
    if draft.problems:  # lines that cannot be read, boxes outside, lost pictures, told at once
        raise EvaluationSetInvalid(
            "labels_invalid",
            f"{len(draft.problems)} labels that cannot be used:",
            listed(draft.problems),
        )
    yield from made


def _rows(picture: DraftPicture, folder: Path, draft: Draft, words: _Words) -> Iterator[Row]:
    size = _size(picture, folder) if draft.pixels else (1, 1)
    if isinstance(size, str):
        draft.problems.append(f"{picture.name}: {size}")
        return
    for box in picture.boxes:
        corners = clipped(box.xyxy, *size)
        if corners is None:
            draft.problems.append(f"{box.place}: expected a box on the picture, it lies outside")
        else:
            yield from words.row(box.class_name, corners, box.crowd)


def _size(picture: DraftPicture, folder: Path) -> tuple[int, int] | str:
    """What corners in pixels are measured on, or what is wrong with it."""
    stated = picture.stated_size
    if stated is None or min(stated) < 1:
        return "expected its width and height in the annotations"
    found = picture_size(folder / picture.name)
    if found is None:
        return "expected a JPEG or PNG, its first bytes are of neither"
    if found != stated:  # of a picture made smaller, with the labels of the large one
        return (
            f"expected {stated[0]}×{stated[1]} pixels as its annotations say,"
            f" got {found[0]}×{found[1]}"
        )
    return stated


def _check_words(recipe: SourceRecipe, words: Iterable[str]) -> None:
    """``words``: all that the set has. With another one labels would vanish, or objects that are
    there be learnt as absent, without a sound."""
    theirs = {class_name(x) for x in words}
    rename = {class_name(x): class_name(y) for x, y in recipe.rename.items()}
    renamed = {rename.get(x, x) for x in theirs}
    # Who labelled a set that has no word for a class did not look for it. The other forms say
    # what they cover themselves, or, as crops, show one object alone.
    claimed = (recipe.labelled or ()) if recipe.format in ("yolo", "coco") else ()
    for part, stated, known in (
        ("rename", tuple(rename), theirs),
        ("ignored", recipe.ignored, renamed),
        ("labelled", claimed, renamed),
    ):
        if strangers := sorted({class_name(x) for x in stated} - known):
            raise EvaluationSetInvalid(
                "labels_invalid",
                f"{part}: expected words among the set's ({', '.join(listed(sorted(known)))}),"
                f" got {', '.join(strangers)}",
            )


def _stored(
    recipe: SourceRecipe, classes: tuple[str, ...], folder: Path
) -> Iterator[LabelledPicture]:
    """The registry's own form, also of rendered pictures."""
    stored = load_set(folder)
    seen = {x.class_name for image in stored.images for x in image.boxes}
    if recipe.format == "crops":
        _check_words(recipe, recipe.names)
    elif stored.classes_covered:  # what was rendered states none, and chance says what is there
        _check_words(recipe, (*stored.classes_covered, *seen))
    words = _Words(recipe, classes)
    covered = recipe.labelled
    if covered is None:
        # A rendered picture's truth is exact: what is not on it is truly absent.
        covered = classes if recipe.format == "simulation" else stored.classes_covered
    labelled = np.isin(classes, [class_name(x) for x in covered])
    for image in stored.images:
        rows = [row for x in image.boxes for row in words.row(x.class_name, x.xyxy, x.crowd)]
        yield LabelledPicture(folder / image.file, make_objects(rows), labelled)


def _unlabelled(
    recipe: SourceRecipe, classes: tuple[str, ...], folder: Path
) -> Iterator[LabelledPicture]:
    """Pictures alone; a teacher will say what is on them."""
    labelled = np.zeros(len(classes), np.bool_)
    for name in FolderSource(folder, LIMITS).names:
        if is_picture(name):
            yield LabelledPicture(folder / name, make_objects([]), labelled)


class _Words:
    """The set's words for classes into the numbers of ours."""

    def __init__(self, recipe: SourceRecipe, classes: Iterable[str]) -> None:
        self._rename = {class_name(x): class_name(y) for x, y in recipe.rename.items()}
        self._ignored = {class_name(x) for x in recipe.ignored}
        self._numbers = {name: number for number, name in enumerate(classes)}

    def row(self, name: str, corners: tuple[float, ...], crowd: bool) -> Iterator[Row]:
        """Nothing for a class that plays no part."""
        name = self._rename.get(class_name(name), class_name(name))
        if name in self._ignored:
            yield corners, ANY_CLASS, 1.0, True
        elif name in self._numbers:
            yield corners, self._numbers[name], 1.0, crowd


_READERS = {
    "yolo": _drafted,
    "coco": _drafted,
    "set": _stored,
    "simulation": _stored,
    "crops": _stored,
    "stills": _unlabelled,
}
