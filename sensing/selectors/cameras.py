"""Cameras as pages and programs see them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from sensing.causes import cause_words
from sensing.models import Camera, CameraState, CameraStateChoice
from sensing.selectors.counts import counts_of
from sensing.worker.messages import Status


def camera_list() -> QuerySet[Camera]:
    """All cameras in dashboard order, with everything that a page shows of them."""
    return Camera.objects.select_related("scene", "state").prefetch_related("modules")


def live_snapshot(camera_ids: Collection[int] | None = None) -> list[dict[str, Any]]:
    """Each camera with its scene, state and counts, in a fixed number of queries."""
    cameras = camera_list()
    if camera_ids is not None:
        cameras = cameras.filter(pk__in=camera_ids)
    counts = counts_of([camera.pk for camera in cameras])
    return [
        {
            "id": camera.pk,
            "name": camera.name,
            "kind": camera.kind,
            "paused": camera.paused,
            "pictures": camera.pictures,
            "attention": camera.attention,
            "scene": camera.scene.document(),
            "state": camera_state_document(camera),
            "counts": counts[camera.pk],
        }
        for camera in cameras
    ]


def camera_state_document(camera: Camera) -> dict[str, Any]:
    """The state of a camera as last stored."""
    document = state_document(camera.state)
    if camera.paused:
        # Its worker's last words may be older than the pause.
        document |= {"state": CameraStateChoice.PAUSED.value, "cause": "", "detail": ""}
        document |= {"message": "", "advice": "", "retry_in_s": None}
    return document


def state_document(state: CameraState | Status) -> dict[str, Any]:
    """A state for browsers, stored or fresh from a worker; times are Unix seconds.

    ``since`` is None in a fresh one: a worker does not know what was said before it.
    """
    message, advice = cause_words(state.cause)
    if isinstance(state, Status):
        since, last_frame_at = None, state.last_frame_at_s
        detections_per_frame = state.detections
    else:
        since, last_frame_at = _unix(state.since), _unix(state.last_frame_at)
        detections_per_frame = state.detections_per_frame
    return {
        "state": str(state.state),
        "cause": state.cause,
        "detail": state.detail,
        "message": message,
        "advice": advice,
        "since": since,
        "last_frame_at": last_frame_at,
        "width": state.width,
        "height": state.height,
        "codec": state.codec,
        "source_fps": state.source_fps,
        "analysed_fps": state.analysed_fps,
        "frames_dropped": state.frames_dropped,
        "frames_analysed": state.frames_analysed,
        "latency_p50_ms": state.latency_p50_ms,
        "latency_p95_ms": state.latency_p95_ms,
        "detector": state.detector,
        "detector_version": state.detector_version,
        "detector_candidate": state.detector_candidate,
        "detector_restarts": state.detector_restarts,
        "detections_per_frame": detections_per_frame,
        "frames_skipped": state.frames_skipped,
        "retry_in_s": state.retry_in_s,
    }


def _unix(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()
