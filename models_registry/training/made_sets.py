"""Sources that must first be made, and are kept for the next run: rendered cameras, frames of
videos, objects cut out of their pictures."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2

from models_registry.benchmarking.evaluation_set import ANNOTATIONS, LabelledBox
from models_registry.benchmarking.set_writer import SetWriter
from models_registry.training.crops import crops_in, read_crops
from models_registry.training.errors import TrainingFailed
from models_registry.training.recipe import SourceRecipe

Said = Callable[[str], None]
Render = Callable[[str, int], Iterator[tuple[bytes, tuple[LabelledBox, ...]]]]
"""(sim:// URL, count) → JPEG and everything on it, per picture."""
VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".webm")
JPEG_QUALITY = 95


def no_renderer(url: str, count: int) -> Iterator[tuple[bytes, tuple[LabelledBox, ...]]]:
    """Stands where nobody can render. Raises ``TrainingFailed``."""
    raise TrainingFailed("recipe_invalid", f"{url}: expected a program that can render cameras")


def source_folder(recipe: SourceRecipe, data: Path, kept: Path, render: Render, said: Said) -> Path:
    """Where the source's pictures lie; made below ``kept`` if they are not files yet.

    What was made is found again by everything it depends on. Raises ``TrainingFailed``.
    """
    if recipe.format == "simulation":
        key = [recipe.format, recipe.urls, recipe.count]
        return _made(kept, key, lambda folder: _render(recipe, folder, render, said))
    path = data / recipe.path
    if recipe.format == "crops":
        crops = crops_in(recipe, path)
        key = [recipe.format, *((x, [y.stat().st_size for y in crops[x]]) for x in crops)]
        return _made(kept, key, lambda folder: _cut_out(recipe, crops, folder, said))
    videos = _videos(recipe, path) if recipe.format == "stills" else []
    if videos:
        key = [recipe.format, *((x.name, x.stat().st_size) for x in videos), recipe.every]
        return _made(kept, key, lambda folder: _frames(recipe, videos, folder, said))
    return path


def _videos(recipe: SourceRecipe, path: Path) -> list[Path]:
    """One, all those of a folder, or none where it holds pictures."""
    if path.suffix.lower() in VIDEOS:
        if not path.is_file():
            raise TrainingFailed("labels_invalid", f"{recipe.name}: expected a video {path}")
        return [path]
    found = path.iterdir() if path.is_dir() else ()
    return sorted(x for x in found if x.suffix.lower() in VIDEOS)


def _made(kept: Path, key: object, make: Callable[[Path], None]) -> Path:
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:20]
    folder = kept / name
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two runs one makes it, and the other waits
        if not (folder / ANNOTATIONS).is_file():
            waiting = kept / f".{name}"
            shutil.rmtree(waiting, ignore_errors=True)
            make(waiting)
            waiting.replace(folder)  # a run that is broken off leaves no half set behind
    return folder


def _render(recipe: SourceRecipe, folder: Path, render: Render, said: Said) -> None:
    writer = SetWriter(folder)
    for url in recipe.urls:
        said(f"{recipe.name}: rendering {url}")
        for jpeg, boxes in render(url, recipe.count):
            writer.add(jpeg, boxes, url)
    writer.finish([])


def _cut_out(recipe: SourceRecipe, crops: dict[str, list[Path]], folder: Path, said: Said) -> None:
    writer = SetWriter(folder)
    for kind, files in crops.items():
        said(f"{recipe.name}: cutting {kind} out of {len(files)} pictures")
        for file, box in read_crops(kind, files):
            writer.add(file.read_bytes(), [box], file.name)
    writer.finish([])


def _frames(recipe: SourceRecipe, videos: list[Path], folder: Path, said: Said) -> None:
    writer = SetWriter(folder)
    for path in videos:
        said(f"{recipe.name}: every {recipe.every}th frame of {path.name}")
        before = len(writer)
        _write_frames(writer, path, recipe.every)
        if len(writer) == before:
            raise TrainingFailed(
                "picture_unreadable", f"{path}: expected a video, no frame of it opens"
            )
    writer.finish([])


def _write_frames(writer: SetWriter, path: Path, every: int) -> None:
    video, number = cv2.VideoCapture(str(path)), 0
    while video.grab():
        if number % every == 0:
            read, frame = video.retrieve()
            if read:
                _, jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
                writer.add(jpeg.tobytes(), (), f"{path.name} frame {number}")
        number += 1
    video.release()
