"""Fixed cameras as stills in order, with the boxes of each: what a region model learns from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.benchmarking.stills import read_still
from models_registry.runtime.attention_regions import small_size
from models_registry.training.labelled import LabelledSource, Objects
from models_registry.training.made_sets import VIDEOS, Render, source_folder
from models_registry.training.recipe import SourceRecipe
from models_registry.training.regions_recipe import RegionsRecipe
from models_registry.training.sources import read_source
from models_registry.training.teacher import Teacher, taught

Said = Callable[[str], None]
Grey = NDArray[np.uint8]
LARGER = 1.5  # than the net's input: room for the pairs' scale


@dataclass(frozen=True, slots=True)
class CameraStills:
    """Grey pictures of one camera in order of time, and what is on each, 0–1."""

    name: str
    pictures: tuple[Grey, ...]
    objects: tuple[Objects, ...]


def read_cameras(
    recipe: RegionsRecipe,
    sources: tuple[SourceRecipe, ...],
    *,
    data: Path,
    kept: Path,
    teacher: Teacher,
    render: Render,
    said: Said,
) -> list[CameraStills]:
    """Every camera of the sources apart. Raises ``TrainingFailed``."""
    cameras = []
    for source in sources:
        for one in _single(source, data):
            # The labels' own file keeps the order of the pictures, their names do not.
            folder = source_folder(one, data, kept, render, said)
            labelled = recipe.classes if one.format == "simulation" else ()
            stored = replace(one, format="set", labelled=labelled)
            stills = read_source(stored, recipe.classes, folder)
            if one.format == "stills":
                stills = taught(teacher, stills, kept, said)
            cameras.append(_camera(stills, recipe))
    return cameras


def read_objects(
    recipe: RegionsRecipe, data: Path, kept: Path, render: Render, said: Said
) -> list[Grey]:
    """Single objects cut out of labelled pictures, grey."""
    cuts = []
    for source in recipe.objects:
        folder = source_folder(source, data, kept, render, said)
        for picture in read_source(source, recipe.classes, folder).pictures:
            grey = cv2.cvtColor(read_still(picture.path), cv2.COLOR_BGR2GRAY)
            cuts += list(_cut(np.asarray(grey, np.uint8), picture.objects))
    return cuts


def _single(source: SourceRecipe, data: Path) -> Iterator[SourceRecipe]:
    """One source per camera."""
    if source.format == "simulation":
        for url in source.urls:
            yield replace(source, name=url, urls=(url,))
        return
    folder = data / source.path
    videos = [folder] if folder.is_file() else sorted(folder.iterdir()) if folder.is_dir() else []
    for path in videos:
        if path.suffix.lower() in VIDEOS:
            yield replace(source, name=path.name, path=str(path.relative_to(data)))


def _camera(stills: LabelledSource, recipe: RegionsRecipe) -> CameraStills:
    net = recipe.network
    largest = (round(net.input_width * LARGER), round(net.input_height * LARGER))
    return CameraStills(
        stills.name,
        tuple(_small(read_still(x.path), largest) for x in stills.pictures),
        tuple(x.objects for x in stills.pictures),
    )


def _small(picture: NDArray[np.uint8], largest: tuple[int, int]) -> Grey:
    size = small_size(picture.shape[1], picture.shape[0], *largest)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def _cut(grey: Grey, objects: Objects, most_px: int = 96, least_px: int = 16) -> Iterator[Grey]:
    height, width = grey.shape
    for box in objects.select(~objects.ignored).xyxy:
        x1, y1, x2, y2 = (box * np.array([width, height] * 2)).astype(int).tolist()
        if min(x2 - x1, y2 - y1) < least_px:
            continue
        scale = min(1.0, most_px / max(x2 - x1, y2 - y1))
        size = (max(4, round((x2 - x1) * scale)), max(4, round((y2 - y1) * scale)))
        cut = cv2.resize(grey[y1:y2, x1:x2], size, interpolation=cv2.INTER_AREA)
        yield np.asarray(cut, np.uint8)
