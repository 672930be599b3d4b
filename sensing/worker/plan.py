"""What a worker is told to do: plain data that crosses the process border."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    """Which detector: ``motion``, or an ONNX file with its contract (None: told from the graph)."""

    name: str = "motion"
    model_path: str = ""
    contract: dict[str, Any] | None = None
    threads: int = 1
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CameraPlan:
    """One camera's work. Two equal plans mean: leave it running. Any difference: rebuild it."""

    camera_id: int
    name: str
    source: SourceSpec
    scene: dict[str, Any]
    detector: DetectorSpec = DetectorSpec()
    analysed_fps: float = 10.0
    pictures: PicturePolicy = "clear"


@dataclass(frozen=True)
class WorkerPlan:
    """All cameras that should run now, so no paused ones; ``clips_dir`` keeps rendered clips."""

    cameras: tuple[CameraPlan, ...] = ()
    clips_dir: str = ""
