"""What pages and REST read of recounts."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from sensing.domain.strip import gaps_between
from sensing.models import AccuracyCertificate, Camera, Recount, RecountState
from sensing.recount.review import unchecked
from sensing.recount.storage import tile_path

HEAVY = ("tiles",)


def recounts(camera_id: int | None = None) -> QuerySet[Recount]:
    """Newest first, without the list of their pieces, which may be long."""
    rows = Recount.objects.select_related("camera", "created_by", "reviewed_by").defer(*HEAVY)
    return rows.filter(camera_id=camera_id) if camera_id else rows


def certificates(camera_id: int | None = None) -> QuerySet[AccuracyCertificate]:
    """Newest first, without their pictures."""
    rows = AccuracyCertificate.objects.select_related("camera", "issued_by").defer("thumbnail")
    return rows.filter(camera_id=camera_id) if camera_id else rows


def recount_progress(recount: Recount) -> dict[str, int]:
    """How many marks of the system were judged, and how many were added."""
    marks = len(recount.system_marks)
    checked = marks - unchecked(recount)
    return {"marks": marks, "checked": checked, "added": len(recount.review) - checked}


def recount_document(recount: Recount) -> dict[str, Any]:
    """Everything that the recount tool works with. Times are seconds since the start."""
    period = (0.0, recount.duration_s)
    spans = [(float(a), float(b)) for a, b in recount.spans]
    ready = recount.state == RecountState.READY
    return {
        "id": recount.pk,
        "state": recount.state,
        "revision": recount.revision,
        "starts_at": recount.starts_at.timestamp() if recount.starts_at else None,
        "duration_s": recount.duration_s,
        "lines": [
            {"id": line["id"], "name": line["name"], "points": line["points"]}
            for line in recount.lines
        ],
        "gaps": gaps_between(spans, period) if ready else [],
        "tiles": [_tile(recount, tile) for tile in recount.tiles] if ready else [],
        "marks": [
            {name: mark[name] for name in ("id", "line", "time_s", "along", "direction", "class")}
            for mark in recount.system_marks
        ],
        "review": recount.review,
        "strip_deleted": recount.strip_deleted_at is not None,
    }


def recount_state(recount: Recount) -> dict[str, Any]:
    """What the page shows while a strip is being recorded or made."""
    return {
        "state": recount.state,
        "progress": recount.progress,
        "revision": recount.revision,
        **recount_progress(recount),
    }


def cameras_to_recount() -> list[Camera]:
    """Cameras that have a counting line, in the order of the dashboard."""
    return [c for c in Camera.objects.select_related("scene") if c.scene.lines]


def _tile(recount: Recount, tile: dict[str, Any]) -> dict[str, Any]:
    addresses = {
        line: reverse("recount_tile", args=[recount.pk, name])
        for line, name in tile["files"].items()
        if recount.strip_deleted_at is None and tile_path(recount.pk, name) is not None
    }
    return {"t0": tile["t0"], "dt": tile["dt"], "urls": addresses}
