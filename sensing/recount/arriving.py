"""Blocks of a strip on their way from a worker to the disk. A block may come twice: its pieces are
named by their first row and its marks by their crossing, so that a retry is harmless."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any

from django.db import transaction
from django.utils import timezone

from sensing.domain.strip import StripMark, observed_spans
from sensing.models import CameraState, Recount, RecountState
from sensing.recount.storage import tile_name, write_tile
from sensing.worker.messages import StripBlock

logger = logging.getLogger(__name__)

GRACE = timedelta(seconds=30)
"""A worker that has said nothing for this long after the end says nothing any more."""


def store_strip_block(block: StripBlock) -> None:
    """Keep a block. Its recount may have ended or gone meanwhile. Raises only ``DatabaseError``."""
    with transaction.atomic():
        recount = (
            Recount.objects.select_for_update()
            .filter(pk=block.recount_id, camera_id=block.camera_id, state=RecountState.RECORDING)
            .first()
        )
        if recount is None or recount.starts_at is None:
            return
        try:
            tile = _kept(recount, block)
        except (OSError, ValueError) as error:
            logger.exception("strip of recount %d not kept", recount.pk)
            recount.state, recount.cause = RecountState.FAILED, "disk"
            recount.detail = f"{type(error).__name__}: {error}"[:500]
            recount.save()
            return
        if tile is not None and all(tile["t0"] != known["t0"] for known in recount.tiles):
            recount.tiles.append(tile)
        add_marks(recount, block.marks, recount.starts_at.timestamp())
        note_detector(recount)
        if block.last:
            close(recount)
        recount.save()


def recounts_close_due(now: datetime | None = None) -> int:
    """End the recordings whose time is over or whose scene was changed: their worker may have died
    before it could say so. Returns how many."""
    now, closed = now or timezone.now(), 0
    with transaction.atomic():
        rows = (
            Recount.objects.select_for_update(of=("self",))
            .filter(state=RecountState.RECORDING)
            .select_related("camera__scene")
        )
        for recount in rows:
            changed = recount.camera.scene.revision != recount.scene_revision
            end = (recount.starts_at or now) + timedelta(seconds=recount.duration_s)
            if now > end + GRACE or changed:
                if changed:
                    recount.detail = "scene_changed"
                close(recount, min(now, end))
                recount.save()
                closed += 1
    return closed


def close(recount: Recount, ended_at: datetime | None = None) -> None:
    """The strip is complete, or all that will come of it is here; the caller saves."""
    if ended_at is not None and recount.starts_at is not None:
        recount.duration_s = max((ended_at - recount.starts_at).total_seconds(), 0.0)
    period = (0.0, recount.duration_s)
    longest_gap_s = longest_gap(recount.analysed_fps)
    times = [t for tile in recount.tiles for t in tile_times(tile)]
    spans = observed_spans(times, longest_gap_s, period)
    recount.spans = [[round(start, 3), round(end, 3)] for start, end in spans]
    recount.tiles.sort(key=lambda tile: tile["t0"])
    if recount.spans:
        recount.state = RecountState.READY
    else:
        recount.state, recount.cause = RecountState.FAILED, "no_frames"


def longest_gap(analysed_fps: float) -> float:
    """Rows further apart leave a gap, as they do in the observed seconds of counts."""
    return max(1.0, 2.5 / analysed_fps) if analysed_fps > 0 else 1.0


def add_marks(recount: Recount, marks: Iterable[StripMark], start_s: float) -> None:
    """Number new marks in the order in which they come; the caller saves."""
    known = {tuple(mark["name"]) for mark in recount.system_marks}
    for mark in marks:
        name = (mark.line_id, mark.run_id, mark.track_id, mark.nth)
        if name in known:
            continue
        known.add(name)
        recount.system_marks.append(
            {
                "id": f"m{len(recount.system_marks) + 1}",
                "name": list(name),
                "line": mark.line_id,
                "time_s": round(mark.time_s - start_s, 3),
                "along": None if mark.along is None else round(mark.along, 4),
                "direction": mark.direction,
                "class": mark.object_class,
                "confidence": round(mark.confidence, 3),
            }
        )


def note_detector(recount: Recount) -> None:
    """Which detector its camera says it runs; each once."""
    name = CameraState.objects.filter(pk=recount.camera_id).values_list("detector", flat=True)
    current = name.first() or ""
    if current and current not in recount.detectors:
        recount.detectors = [*recount.detectors, current]


def tile_times(tile: dict[str, Any]) -> list[float]:
    """Seconds since the start of each row of a piece."""
    return [ms / 1000 for ms in accumulate(tile["dt"], initial=tile["t0"])]


def tile_of(times_s: Sequence[float], files: dict[str, str]) -> dict[str, Any]:
    """How a piece is noted: times in ms, the first and the steps, and its file for each line."""
    ms = [round(t * 1000) for t in times_s]
    return {"t0": ms[0], "dt": [b - a for a, b in pairwise(ms)], "files": files}


def _kept(recount: Recount, block: StripBlock) -> dict[str, Any] | None:
    assert recount.starts_at is not None
    if not block.times_s:
        return None
    start_s = recount.starts_at.timestamp()
    times_s = [t - start_s for t in block.times_s]
    order = [str(line["id"]) for line in recount.lines]
    files = {}
    for line_id, jpeg in block.strips:
        files[line_id] = tile_name(order.index(line_id), round(times_s[0] * 1000))
        write_tile(recount.pk, files[line_id], jpeg)
    return tile_of(times_s, files)
