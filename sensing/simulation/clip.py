"""Renders a simulated camera into a video file once, with its truth beside it.

Codec: MPEG-4 part 2 in mp4. The opencv-python-headless wheel has no H.264 encoder; of those it has,
this one is the cheapest to write and to read (docs/simulation.md has the figures).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from sensing.simulation.film import Film
from sensing.simulation.scenes import default_scene
from sensing.simulation.spec import SimulationSpec
from sensing.simulation.truth import quietest_frame, truth_document
from sensing.simulation.world import World, build_world

RENDERER_VERSION = 2
"""Part of a clip's name: raise it whenever the same spec would give other pixels or other truth."""
FOURCC = "mp4v"
PROGRESS_EVERY_S = 0.25


class RenderFailed(RuntimeError):
    """The clip could not be written: no encoder, or no room on the disk."""


@dataclass(frozen=True, slots=True)
class RenderedClip:
    """A clip in the data directory and its truth."""

    video_path: Path
    truth_path: Path
    fps: float
    frames: int


def clip_key(spec: SimulationSpec) -> str:
    document = json.dumps([RENDERER_VERSION, spec.as_document()], sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:20]


def render_clip(
    spec: SimulationSpec,
    directory: Path,
    progress: Callable[[float], None] | None = None,
    *,
    boxes: bool = False,
) -> RenderedClip:
    """Render ``spec`` into ``directory``, or return the clip that is there already.

    Safe to call from several processes at once: one renders, the others wait for it. ``progress``
    hears 0–1 a few times a second. ``boxes`` adds every box to the truth. Raises ``RenderFailed``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    name = f"{spec.kind}-{clip_key(spec)}{'-boxes' if boxes else ''}"
    clip = RenderedClip(
        directory / f"{name}.mp4", directory / f"{name}.json", spec.fps, spec.frames
    )
    if not _is_there(clip):
        with _alone(directory / f".{name}.lock"):
            if not _is_there(clip):
                _render(spec, clip, progress or _unheard, boxes)
    if progress is not None:
        progress(1.0)
    return clip


def staged_world(spec: SimulationSpec) -> tuple[World, dict[str, Any]]:
    """The world of a clip and its scene; a loop's seam lies where nothing happens."""
    world, scene = build_world(spec), default_scene(spec)
    if spec.loop:
        world = world.turned(quietest_frame(world, scene))
    return world, scene


def _render(
    spec: SimulationSpec, clip: RenderedClip, progress: Callable[[float], None], boxes: bool
) -> None:
    world, scene = staged_world(spec)
    truth = truth_document(world, scene, boxes=boxes) | {"video": clip.video_path.name}
    partial = clip.video_path.with_suffix(".part.mp4")
    partial_truth = clip.truth_path.with_suffix(".part.json")
    try:
        partial_truth.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
        _encode(world, partial, progress)
        os.replace(partial_truth, clip.truth_path)
        os.replace(partial, clip.video_path)  # last: a clip that is there has its truth
    finally:
        partial.unlink(missing_ok=True)
        partial_truth.unlink(missing_ok=True)


def _encode(world: World, path: Path, progress: Callable[[float], None]) -> None:
    camera = world.camera
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter.fourcc(*FOURCC), world.spec.fps, (camera.width, camera.height)
    )
    if not writer.isOpened():
        raise RenderFailed(f"OpenCV cannot write {FOURCC} video to {path.parent}")
    told = 0.0
    try:
        for number, frame in enumerate(Film(world).frames()):
            writer.write(frame)
            if time.monotonic() - told > PROGRESS_EVERY_S:
                told = time.monotonic()
                progress(number / world.frames)
    finally:
        writer.release()
    if not _readable_frames(path) == world.frames:
        raise RenderFailed(f"the clip in {path.parent} came out short: is the disk full?")


def _readable_frames(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        capture.release()


def _is_there(clip: RenderedClip) -> bool:
    return clip.video_path.is_file() and clip.truth_path.is_file()


def _unheard(_: float) -> None:
    """Nobody asked for progress."""


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; the kernel frees it even if this process is killed."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
