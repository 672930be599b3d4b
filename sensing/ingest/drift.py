"""What a worker says of its camera's place, on the calibration in use."""

from __future__ import annotations

from datetime import UTC, datetime

from sensing.ingest.values import finite, is_moment, moment
from sensing.models import Calibration, DriftChoice
from sensing.worker.messages import DriftReport


def store_drift_report(report: DriftReport) -> None:
    """Keep one report. ``moved`` stays until a person confirms the camera; a report from before
    that, or on a calibration that is no longer in use, is history. Raises only
    ``DatabaseError``."""
    at = moment(report.at_s) if is_moment(report.at_s) else datetime.now(UTC)
    row = (
        Calibration.objects.filter(
            pk=report.calibration_id, camera_id=report.camera_id, retired_at=None
        )
        .defer("reference")
        .first()
    )
    if row is None or (row.confirmed_at is not None and at <= row.confirmed_at):
        return
    changed = ["drift_checked_at"]
    row.drift_checked_at = at
    if report.verdict == "moved":
        changed += ["drift", "drift_px", "moved_at"]
        row.moved_at = row.moved_at if row.drift == DriftChoice.MOVED else at
        row.drift, row.drift_px = DriftChoice.MOVED, finite(report.distance_px)
    elif report.verdict == "unmoved" and row.drift != DriftChoice.MOVED:
        changed += ["drift", "drift_px"]
        row.drift, row.drift_px = DriftChoice.STEADY, finite(report.distance_px)
    row.save(update_fields=changed)
