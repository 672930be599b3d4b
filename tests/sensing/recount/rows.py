"""Recounts that tests start from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np

from sensing.models import AccuracyCertificate, Camera, Recount
from sensing.recount.arriving import tile_of
from sensing.recount.storage import tile_name, write_tile
from sensing.selectors.site import current_site
from sensing.services import site_change
from sensing.services.certificates import certificate_issue
from sensing.services.recounts import recount_review
from tests.sensing.rows import NOON_S


def allow_strips() -> None:
    current_site()
    site_change(by=None, audit_strips=True)


def mark(
    number: int, time_s: float, direction: str = "forward", name: str = "car"
) -> dict[str, Any]:
    return {
        "id": f"m{number}",
        "name": ["gate", "run", number, 0],
        "line": "gate",
        "time_s": time_s,
        "along": 0.5,
        "direction": direction,
        "class": name,
        "confidence": 0.9,
    }


def ready_recount(camera: Camera, marks: int = 4, **fields: Any) -> Recount:
    """Sixty seconds of a strip with a crossing every ten seconds from the fifth on."""
    recount = Recount.objects.create(
        camera=camera,
        kind="live",
        state="ready",
        lines=camera.scene.lines,
        starts_at=datetime.fromtimestamp(NOON_S, UTC),
        duration_s=60.0,
        analysed_fps=10.0,
        spans=[[0.0, 60.0]],
        system_marks=[mark(n + 1, 5.0 + 10.0 * n) for n in range(marks)],
        detectors=["motion"],
        scene_revision=camera.scene.revision,
        **fields,
    )
    times = [n / 10 for n in range(600)]
    files = {"gate": tile_name(0, 0)}
    rows = np.random.default_rng(1).integers(0, 255, (600, 80, 3)).astype(np.uint8)
    write_tile(recount.pk, files["gate"], cv2.imencode(".jpg", rows)[1].tobytes())
    recount.tiles = [tile_of(times, files)]
    recount.save()
    return recount


def judged(recount: Recount, **changes: Any) -> Recount:
    """All marks right, but for what ``changes`` say."""
    right = {m["id"]: {"verdict": "right"} for m in recount.system_marks}
    return recount_review(
        recount=recount, by=None, revision=recount.revision, changes=right | changes
    )


def certified(recount: Recount) -> AccuracyCertificate:
    row = judged(recount)
    return certificate_issue(recount=row, by=None, revision=row.revision, looked_through=True)
