"""What a worker is told to do: plain data that crosses the process border."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

SourceKind = Literal["rtsp", "http", "file", "usb", "sim"]
PicturePolicy = Literal["clear", "blurred", "none"]


@dataclass(frozen=True)
class SourceSpec:
    """How to open a camera: ``location`` is a URL without credentials, a path, a device or a
    ``sim://`` URL."""

    kind: SourceKind
    location: str
    loop: bool = False
    username: str = ""
    password: str = field(default="", repr=False)  # repr reaches logs


@dataclass(frozen=True)
class DetectorSpec:
    """Which detector: ``motion``, or an ONNX file with its contract (None: told from the graph).

    ``version`` is the id of the model version's row, 0 for none, and ``reference`` what people call
    it (``vehicle-person@production``). ``fallback`` takes its place where it does not serve. With a
    ``trial_s`` above 0 it first runs beside the one before it (the one that runs, or at a start the
    ``fallback``) for that long at most, then in its place for that long with the other at hand.
    ``alone``: without motion to vouch for what a model sees weakly.
    ``attention``: a region model chooses where a model file looks; motion looks at everything.
    """

    name: str = "motion"
    model_path: str = ""
    contract: dict[str, Any] | None = None
    threads: int = 1
    parameters: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    reference: str = ""
    fallback: DetectorSpec | None = None
    trial_s: float = 0.0
    alone: bool = False
    attention: bool = False

    def same_work(self, other: DetectorSpec) -> bool:
        """Whether a process that runs one of them runs the other: only their papers differ."""
        return replace(self, **_NO_PAPERS) == replace(other, **_NO_PAPERS)


_NO_PAPERS: dict[str, Any] = {"version": 0, "reference": "", "fallback": None, "trial_s": 0.0}


@dataclass(frozen=True)
class StripOrder:
    """An audit strip that an operator asked for: the pixels along these lines, (id, p1, p2) in 0–1,
    from ``since_s`` until ``until_s`` (Unix seconds)."""

    recount_id: int
    lines: tuple[tuple[str, tuple[float, float], tuple[float, float]], ...]
    since_s: float
    until_s: float


@dataclass(frozen=True)
class CameraPlan:
    """One camera's work. Two equal plans mean: leave it running. Any difference: rebuild it, but a
    worker takes another ``detector``, ``shadow`` or ``strip`` in mid-run: see
    ``only_detectors_differ``.

    ``shadow`` runs on the same frames where there is time, and what it counts is compared only.
    ``calibration`` is the document of the row ``calibration_id``; None where the road is unknown.
    ``reference``: the small grey still kept with it (PNG), to see whether the camera moved.
    """

    camera_id: int
    name: str
    source: SourceSpec
    scene: dict[str, Any]
    detector: DetectorSpec = DetectorSpec()
    analysed_fps: float = 10.0
    pictures: PicturePolicy = "clear"
    shadow: DetectorSpec | None = None
    calibration: dict[str, Any] | None = None
    calibration_id: int = 0
    reference: bytes = field(default=b"", repr=False)
    strip: StripOrder | None = None

    def only_detectors_differ(self, other: CameraPlan) -> bool:
        """Whether a worker that runs this plan can go over to the other without a restart."""
        mine = replace(self, detector=other.detector, shadow=other.shadow, strip=other.strip)
        return mine == other


@dataclass(frozen=True)
class WorkerPlan:
    """All cameras that should run now, so no paused ones; ``clips_dir`` keeps rendered clips."""

    cameras: tuple[CameraPlan, ...] = ()
    clips_dir: str = ""
