"""Strips out of recorded clips: long work of the jobs process. The row is the truth, a message only
says that there may be some; a row whose lease ran out has lost its process."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.errors import Refused
from models_registry.sandbox import ChildFailed, Limits, call
from sensing.directories import clips_dir
from sensing.domain.strip import StripMark
from sensing.models import Recount, RecountKind, RecountState
from sensing.planning import Detectors
from sensing.recount.arriving import add_marks, close, tile_of
from sensing.recount.storage import CLIP_NAME, recount_dir, tile_name, write_tile
from sensing.selectors.detectors import camera_choices
from sensing.simulation import RenderFailed, SimulationInvalid, parse_simulation_url, render_clip

logger = logging.getLogger(__name__)

TARGET = "sensing.worker.clip_strip:clip_strip"
LIMITS = Limits(cpu_s=2 * 3600, wall_s=2 * 3600.0, answer_bytes=128 * 1024 * 1024, niceness=10)
MOST_CLIP_S = 2 * 3600.0
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 3
TELL_EVERY_S = 1.0


def make_waiting() -> int:
    """Make the strips that wait; returns how many were tried."""
    done = 0
    while (recount := claim()) is not None:
        make(recount)
        done += 1
    return done


def claim() -> Recount | None:
    """The next one, now being made under a lease; None when there is nothing to do."""
    now = timezone.now()
    open_rows = Q(state=RecountState.WAITING) | Q(state=RecountState.MAKING, lease_until__lt=now)
    with transaction.atomic():
        for row in Recount.objects.select_for_update().filter(open_rows).order_by("pk"):
            if row.attempts >= MAX_ATTEMPTS:
                _fail(row, "process_lost", "")
                continue
            row.state, row.attempts = RecountState.MAKING, row.attempts + 1
            row.lease_until, row.progress = now + LEASE, 0.0
            row.save()
            return row
    return None


def make(recount: Recount) -> None:
    """One claimed recount to its end: ready, or failed with a cause."""
    told = _Progress(recount)
    try:
        request, files = _request(recount)
        answer = call(
            TARGET,
            request,
            limits=LIMITS,
            read_paths=files,
            on_progress=told.progress,
            cancelled=told.lost,
        )
        _keep(recount, answer)
    except ChildFailed as error:
        if error.code != "cancelled":  # another process has taken it over, or it was deleted
            _end_failed(recount, error.code, error.message)
    except (Refused, RenderFailed, SimulationInvalid) as error:
        _end_failed(recount, "clip_unusable", str(error))
    except Exception as error:  # boundary: one clip's defect must not stop the others
        logger.exception("the strip of recount %d broke", recount.pk)
        _end_failed(recount, "defect", f"{type(error).__name__}: {error}")


class _Progress:
    """Tells how far it is, renews the lease, and hears that the recount was deleted."""

    def __init__(self, recount: Recount) -> None:
        self._recount, self._share, self._told_s, self._lost = recount, 0.0, 0.0, False

    def progress(self, share: float, _step: str) -> None:
        self._share = min(max(share, 0.0), 1.0)

    def lost(self) -> bool:
        if time.monotonic() - self._told_s > TELL_EVERY_S:
            self._told_s = time.monotonic()
            updated = Recount.objects.filter(
                pk=self._recount.pk,
                state=RecountState.MAKING,
                attempts=self._recount.attempts,
            ).update(progress=self._share, lease_until=timezone.now() + LEASE)
            self._lost = updated == 0
        return self._lost


def _request(recount: Recount) -> tuple[dict[str, Any], list[Path]]:
    """What the child is told, and the files that it may read."""
    camera = camera_choices().get(pk=recount.camera_id)
    clip = clip_path(recount)
    spec = Detectors().spec(camera)
    detector = {
        "name": spec.name,
        "model_path": spec.model_path,
        "contract": spec.contract,
        "parameters": spec.parameters,
    }
    # The scene as it is now, but with the lines as they were when the recount was asked for.
    scene = camera.scene.document() | {"lines": recount.lines, "anchor": recount.anchor}
    request = {
        "clip": str(clip),
        "scene": scene,
        "detector": detector,
        "analysed_fps": recount.analysed_fps,
        "lines": [[line["id"], *line["points"]] for line in recount.lines],
        "most_s": MOST_CLIP_S,
    }
    return request, [clip, *([Path(spec.model_path)] if spec.model_path else [])]


def clip_path(recount: Recount) -> Path:
    """The clip's file: uploaded, named, or rendered. Raises ``Refused`` and ``RenderFailed``."""
    if not recount.clip:
        path = recount_dir(recount.pk) / CLIP_NAME
    elif recount.clip.startswith("sim://"):
        path = render_clip(parse_simulation_url(recount.clip), clips_dir()).video_path
    else:
        path = Path(recount.clip)
    path = path.resolve()
    if not path.is_file():
        words = _("There is no clip any more: %(name)s")
        raise Refused("clip_unusable", words % {"name": recount.clip_name}, "clip")
    return path


def _keep(recount: Recount, answer: Any) -> None:
    """Store what the child made of the clip. Its answer is untrusted: a hostile video may have
    taken it over, so everything is taken apart and checked for shape."""
    order = [str(line["id"]) for line in recount.lines]
    tiles = []
    for given in answer["tiles"]:
        times_s = [float(t) for t in given["times_s"]]
        files = {}
        for line_id, jpeg in given["strips"]:
            name = tile_name(order.index(line_id), round(times_s[0] * 1000))
            if bytes(jpeg[:3]) != b"\xff\xd8\xff":
                raise ValueError("expected a JPEG")
            write_tile(recount.pk, name, bytes(jpeg))
            files[line_id] = name
        tiles.append(tile_of(times_s, files))
    marks = [_mark(given, order) for given in answer["marks"]]
    with transaction.atomic():
        row = Recount.objects.select_for_update().filter(pk=recount.pk).first()
        if row is None or row.state != RecountState.MAKING:
            return
        row.tiles, row.system_marks = tiles, []
        row.duration_s = min(max(float(answer["duration_s"]), 0.0), MOST_CLIP_S + 1.0)
        row.detectors = [str(answer["detector"])[:120]]
        add_marks(row, sorted(marks, key=lambda mark: mark.time_s), 0.0)
        close(row)
        row.progress, row.lease_until = 1.0, None
        row.save()
    (recount_dir(recount.pk) / CLIP_NAME).unlink(missing_ok=True)


def _mark(given: dict[str, Any], lines: list[str]) -> StripMark:
    mark = StripMark(**given)
    if mark.line_id not in lines or mark.direction not in ("forward", "backward"):
        raise ValueError(f"expected a crossing of the lines, got {mark.line_id!r}")
    along = None if mark.along is None else min(max(float(mark.along), 0.0), 1.0)
    return StripMark(
        mark.line_id,
        "clip",
        int(mark.track_id),
        int(mark.nth),
        mark.direction,
        str(mark.object_class)[:40],
        float(mark.confidence),
        float(mark.time_s),
        along,
    )


def _end_failed(recount: Recount, cause: str, detail: str) -> None:
    with transaction.atomic():
        row = Recount.objects.select_for_update().filter(pk=recount.pk).first()
        if row is not None and row.state == RecountState.MAKING:
            _fail(row, cause, detail)
    if recount.kind == RecountKind.CLIP:
        (recount_dir(recount.pk) / CLIP_NAME).unlink(missing_ok=True)


def _fail(row: Recount, cause: str, detail: str) -> None:
    row.state, row.cause, row.detail = RecountState.FAILED, cause[:40], detail[:500]
    row.lease_until = None
    row.save()
