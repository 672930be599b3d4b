"""What the model registry gets from sensing: stills of cameras, simulated sets, counts on clips."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
from django.utils.translation import gettext as _

from models_registry.benchmarking.evaluation_set import LabelledBox
from models_registry.benchmarking.set_writer import clipped
from models_registry.errors import Refused
from models_registry.sandbox import ChildFailed, Limits, call
from models_registry.surroundings import CameraChoice, TrueStill
from sensing.causes import cause_words
from sensing.directories import clips_dir, video_dirs
from sensing.models import Camera
from sensing.models.cameras import PicturePolicyChoice
from sensing.planning import camera_source
from sensing.services import camera_test
from sensing.simulation import (
    RenderFailed,
    SimulationInvalid,
    SimulationSpec,
    parse_simulation_url,
    render_clip,
)
from sensing.simulation.stills import shown_classes, stills
from sensing.sources import allowed_files
from sensing.worker.count_truth import CountsImpossible, truth_scene
from sensing.worker.errors import StreamUnavailable

RECORDED = ("sim", "file")
QUALITY = 92
STILL_LIMITS = Limits(cpu_s=120, wall_s=120)


class Sensing:
    """The ``Surroundings`` of the registry in a gateway with cameras."""

    counts_target = "sensing.worker.count_accuracy:count_accuracy"

    def cameras(self) -> list[CameraChoice]:
        """By name; those whose pictures stay private with the reason."""
        return [
            CameraChoice(
                pk=camera.pk,
                name=camera.name,
                recorded=camera.kind in RECORDED,
                must_blur=camera.pictures == PicturePolicyChoice.BLURRED,
                refusal=_private(camera, blurred=True),
            )
            for camera in Camera.objects.order_by("name")
        ]

    def still(self, camera: int, share: float, *, blurred: bool = False) -> bytes:
        """Raises ``Refused`` (``not_found``, ``private``, or why the camera gives no picture)."""
        row = Camera.objects.filter(pk=camera).first()
        if row is None:
            raise Refused("not_found", _("There is no such camera."), "camera")
        if words := _private(row, blurred):
            raise Refused("private", words, "camera")
        if row.kind in RECORDED:
            return _recorded_still(row, share)
        try:
            return camera_test(camera_source(row)).jpeg
        except StreamUnavailable as error:
            message, advice = cause_words(error.code)
            raise Refused(error.code, f"{row.name}: {message} {advice}", "camera") from error

    def simulated_classes(self, url: str) -> tuple[str, ...]:
        """Raises ``Refused`` (``simulation``) for a URL that cannot be rendered."""
        return shown_classes(_spec(url))

    def simulated_stills(self, url: str, count: int) -> Iterator[TrueStill]:
        """Raises ``Refused`` (``simulation``)."""
        for still in stills(_spec(url), count):
            written, jpeg = cv2.imencode(".jpg", still.picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            assert written
            # What is hidden is neither asked for nor held against a model: a region without say.
            boxes = tuple(
                LabelledBox(box.object_class, corners, crowd=box.hidden)
                for box in still.boxes
                if (corners := clipped(box.xyxy)) is not None
            )
            yield TrueStill(jpeg.tobytes(), boxes)

    def clips(self) -> list[str]:
        """Names of the video files that cameras may read; of equal names the first counts."""
        return sorted({Path(file).name for file in allowed_files()})

    def clip(self, name: str) -> Path:
        """Raises ``Refused`` (``file_missing``)."""
        for file in allowed_files():
            if Path(file).name == name:
                return Path(file).resolve()
        folders = ", ".join(map(str, video_dirs()))
        raise Refused(
            "file_missing",
            _("There is no video “%(name)s” in %(folders)s.")
            % {"name": name[:120], "folders": folders},
            "clip",
        )

    def check_truth(self, truth: Any) -> None:
        """Raises ``Refused`` (``truth_invalid``)."""
        try:
            truth_scene(truth)
        except CountsImpossible as error:
            raise Refused(error.code, error.message, "truth") from error


def _private(camera: Camera, blurred: bool) -> str:
    """Why its pictures must not leave; '' if they may, once they are blurred if that is said."""
    if camera.pictures == PicturePolicyChoice.NONE:
        return _("%(name)s gives no pictures, for privacy.") % {"name": camera.name}
    if camera.pictures == PicturePolicyChoice.BLURRED and not blurred:
        return _("%(name)s gives only blurred pictures, for privacy.") % {"name": camera.name}
    return ""


def _spec(url: str) -> SimulationSpec:
    try:
        return parse_simulation_url(url)
    except SimulationInvalid as error:
        raise Refused("simulation", str(error), "url") from error


def _recorded_still(camera: Camera, share: float) -> bytes:
    source = camera_source(camera)
    try:
        path = (
            render_clip(_spec(source.location), clips_dir()).video_path
            if source.kind == "sim"
            else Path(source.location)
        ).resolve()
        answer = call(
            "sensing.worker.recorded_still:recorded_still",
            {"clip": str(path), "share": min(max(share, 0.0), 1.0)},
            limits=STILL_LIMITS,
            read_paths=[path],
        )
    except (RenderFailed, ChildFailed) as error:
        raise Refused("clip_unusable", f"{camera.name}: {error}", "camera") from error
    jpeg: bytes = answer["jpeg"]
    return jpeg
