"""What a camera's worker process reports. Facts are never dropped; overlays and pictures may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sensing.domain.results import Crossing, Visit

CameraState = Literal["connecting", "live", "stalled", "failed", "ended", "paused"]


@dataclass(frozen=True, slots=True)
class Status:
    """Sent on every change of state and about once a second.

    ``cause`` is a code of ``StreamUnavailable``, or '' while nothing is wrong.
    """

    camera_id: int
    run_id: str
    state: CameraState
    cause: str = ""
    detail: str = ""
    at_s: float = 0.0
    last_frame_at_s: float | None = None
    width: int = 0
    height: int = 0
    codec: str = ""
    source_fps: float = 0.0
    analysed_fps: float = 0.0
    frames_read: int = 0
    frames_analysed: int = 0
    frames_dropped: int = 0
    overlays_dropped: int = 0
    detector: str = ""
    latency_p50_ms: float = 0.0
    latency_p95_ms: float = 0.0
    retry_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class ZoneMinute:
    """Occupancy of a zone over one minute; ``occupied_s`` is its integral over time (object·s)."""

    zone_id: str
    minute: int
    occupied_s: float
    occupancy_max: int


@dataclass(frozen=True, slots=True)
class Facts:
    """A batch of results; ``sequence`` grows by one per batch of a run.

    ``observed_s`` maps epoch minute (unix // 60) → seconds newly observed in it, so that sums over
    batches are the seconds really seen.
    """

    camera_id: int
    run_id: str
    sequence: int
    crossings: tuple[Crossing, ...] = ()
    visits: tuple[Visit, ...] = ()
    observed_s: dict[int, float] = field(default_factory=dict)
    zone_minutes: tuple[ZoneMinute, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlay:
    """Boxes of a frame in 0–1: (track_id, class, x1, y1, x2, y2, confidence, observed)."""

    camera_id: int
    captured_at_s: float
    boxes: tuple[tuple[int, str, float, float, float, float, float, bool], ...]
    occupancy: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG of one frame, made only while someone watches."""

    camera_id: int
    captured_at_s: float
    jpeg: bytes


Message = Status | Facts | Overlay | Picture
