"""What a camera's worker process reports. Facts and what happened to its detector are never
dropped; overlays and pictures may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sensing.domain.drift import Verdict
from sensing.domain.heat import Heat
from sensing.domain.results import Crossing, Movement, SpeedReading, Visit
from sensing.domain.strip import StripMark

CameraState = Literal["connecting", "live", "stalled", "failed", "ended", "paused"]


@dataclass(frozen=True, slots=True)
class Status:
    """Sent on every change of state and about once a second.

    ``cause`` is a code of ``StreamUnavailable``, or '' while nothing is wrong. Versions are those
    of ``DetectorSpec``; ``detector_candidate`` is the one being loaded or tried out beside the one
    on duty. ``detections`` is the mean number of boxes on the last frames. ``frames_skipped`` were
    given up because the detector broke on them or was away for too long.
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
    detector_version: int = 0
    detector_candidate: int = 0
    detector_restarts: int = 0
    detections: float = 0.0
    frames_skipped: int = 0
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
    batches are the seconds really seen; ``heat`` adds up likewise. ``calibration_id``: the one that
    the run measures with, 0 for none.
    """

    camera_id: int
    run_id: str
    sequence: int
    crossings: tuple[Crossing, ...] = ()
    visits: tuple[Visit, ...] = ()
    observed_s: dict[int, float] = field(default_factory=dict)
    zone_minutes: tuple[ZoneMinute, ...] = ()
    speeds: tuple[SpeedReading, ...] = ()
    movements: tuple[Movement, ...] = ()
    heat: tuple[Heat, ...] = ()
    calibration_id: int = 0


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


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A version was taken off duty, or never came on duty, by its own fault; another one serves.

    Causes: ``crashed``, ``hung``, ``run_failed``, ``too_slow``, ``blind``, ``model_unusable``.
    """

    camera_id: int
    version_from: int
    version_to: int
    cause: str
    detail: str
    at_s: float


@dataclass(frozen=True, slots=True)
class TrialPassed:
    """A version has done its duty for its whole trial; the one before it was unloaded."""

    camera_id: int
    version: int
    at_s: float


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """A shadow beside the active detector since ``since_s``, sent about every 2 s; totals grow.

    ``agreement``: share of the sure boxes of either that the other has too (IoU of at least .5,
    same class); None while there were none. ``only_active`` and ``only_shadow`` count the rest.
    Counts are crossings by ``line|direction|class``. ``dropped``: it was given up, ``cause`` and
    ``detail`` say why.
    """

    camera_id: int
    version: int
    since_s: float
    at_s: float
    frames: int = 0
    frames_skipped: int = 0
    agreement: float | None = None
    only_active: int = 0
    only_shadow: int = 0
    latency_p50_ms: float = 0.0
    latency_p95_ms: float = 0.0
    active_p50_ms: float = 0.0
    active_p95_ms: float = 0.0
    counts_active: dict[str, int] = field(default_factory=dict)
    counts_shadow: dict[str, int] = field(default_factory=dict)
    dropped: bool = False
    cause: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StripBlock:
    """Part of an audit strip: one JPEG per line, one row per analysed frame, and the crossings that
    were told meanwhile. ``last``: the period that was asked for is over."""

    camera_id: int
    recount_id: int
    times_s: tuple[float, ...]
    strips: tuple[tuple[str, bytes], ...] = field(repr=False)  # repr reaches logs
    marks: tuple[StripMark, ...] = ()
    last: bool = False


@dataclass(frozen=True, slots=True)
class DriftReport:
    """How the view compares with the still of the calibration in use; ``distance_px`` in pixels of
    the camera's frames. ``reason``: why the verdict is unsure, else empty."""

    camera_id: int
    calibration_id: int
    verdict: Verdict
    distance_px: float
    at_s: float
    reason: str = ""


Lasting = Facts | Status | RolledBack | TrialPassed | ShadowReport | StripBlock | DriftReport
"""What is stored; the rest is only for the eye."""
Message = Lasting | Overlay | Picture
