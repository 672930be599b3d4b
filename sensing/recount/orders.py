"""Which strips the cameras' workers are to record now."""

from __future__ import annotations

from datetime import timedelta

from sensing.models import Recount, RecountState
from sensing.worker.plan import StripOrder


def strip_orders() -> dict[int, StripOrder]:
    """By camera. A scene that was changed meanwhile is another place: its strip is not recorded
    on, and ``recounts_close_due`` ends it."""
    rows = Recount.objects.filter(state=RecountState.RECORDING).select_related("camera__scene")
    return {
        row.camera_id: strip_order(row)
        for row in rows
        if row.camera.scene.revision == row.scene_revision
    }


def strip_order(recount: Recount) -> StripOrder:
    """Equal for equal rows. Raises ``ValueError`` for a recount without a start."""
    if recount.starts_at is None:
        raise ValueError("expected a recount of live minutes")
    until = recount.starts_at + timedelta(seconds=recount.duration_s)
    return StripOrder(
        recount_id=recount.pk,
        lines=tuple(
            (str(line["id"]), _point(line["points"][0]), _point(line["points"][1]))
            for line in recount.lines
        ),
        since_s=recount.starts_at.timestamp(),
        until_s=until.timestamp(),
    )


def _point(given: list[float]) -> tuple[float, float]:
    return float(given[0]), float(given[1])
