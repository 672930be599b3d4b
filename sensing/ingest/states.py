"""What the workers last said of their cameras."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from sensing.ingest.values import finite, is_moment, moment, text
from sensing.models import CameraState
from sensing.worker.messages import Status

STATE_FIELDS = [f.name for f in CameraState._meta.concrete_fields if not f.primary_key]


def states_before(camera_ids: Collection[int]) -> dict[int, CameraState]:
    """What is stored of these cameras."""
    if not camera_ids:
        return {}
    return {row.camera_id: row for row in CameraState.objects.filter(camera_id__in=camera_ids)}


def set_states(statuses: Collection[Status], before: Mapping[int, CameraState]) -> None:
    """Keep each camera's status, one each, and since when it is in that state."""
    if not statuses:
        return
    CameraState.objects.bulk_create(
        [_state_row(status, before.get(status.camera_id)) for status in statuses],
        update_conflicts=True,
        unique_fields=["camera"],
        update_fields=STATE_FIELDS,
    )


def _state_row(status: Status, before: CameraState | None) -> CameraState:
    now = moment(status.at_s) if is_moment(status.at_s) else datetime.now(UTC)
    seen_s = status.last_frame_at_s
    if seen_s is not None and is_moment(seen_s):
        last_frame_at: datetime | None = moment(seen_s)
    else:
        # A reconnecting worker has seen no frame yet; how old the picture is stays known.
        last_frame_at = before.last_frame_at if before else None
    same = before is not None and (before.state, before.cause) == (status.state, status.cause)
    return CameraState(
        camera_id=status.camera_id,
        state=status.state,
        cause=text(status.cause, 40),
        detail=text(status.detail, 500),
        since=before.since if before is not None and same and before.since else now,
        last_frame_at=last_frame_at,
        run_id=text(status.run_id, 64),
        width=status.width,
        height=status.height,
        codec=text(status.codec, 32),
        source_fps=finite(status.source_fps),
        analysed_fps=finite(status.analysed_fps),
        frames_read=status.frames_read,
        frames_analysed=status.frames_analysed,
        frames_dropped=status.frames_dropped,
        latency_p50_ms=finite(status.latency_p50_ms),
        latency_p95_ms=finite(status.latency_p95_ms),
        detector=text(status.detector, 120),
        detector_version=status.detector_version,
        detector_candidate=status.detector_candidate,
        detector_restarts=status.detector_restarts,
        frames_skipped=status.frames_skipped,
        detections_per_frame=finite(status.detections),
        retry_in_s=None if status.retry_in_s is None else finite(status.retry_in_s),
        updated_at=now,
    )
