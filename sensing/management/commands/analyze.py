"""``manage.py analyze VIDEO --scene SCENE.json``: the same sensing on a recording."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from models_registry.builtin import DETECTOR
from models_registry.errors import Refused
from models_registry.runtime.detector import ModelUnusable
from models_registry.selectors.references import detector_references, resolve
from sensing.domain.calibration import Calibration
from sensing.domain.calibration_checks import CalibrationInvalid
from sensing.domain.calibration_document import parse_calibration
from sensing.domain.scene import Scene, SceneInvalid, parse_scene
from sensing.modules import MODULE_KINDS, check_modules
from sensing.planning import version_spec
from sensing.simulation import (
    RenderFailed,
    SimulationInvalid,
    default_scene,
    parse_simulation_url,
    render_clip,
    simulated_calibration,
)
from sensing.worker.detectors import MOTION, build_detector
from sensing.worker.offline import Analysis, Progress, analyze_recording
from sensing.worker.offline_files import write_results
from sensing.worker.plan import DetectorSpec
from sensing.worker.recording import RecordingUnusable

SIMULATED = "sim://"
BAR = 30


class Command(BaseCommand):
    help = "Count on a recording, or on a simulated camera (sim://…), as fast as it goes."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("video", help="a video file, or sim://road?… to render one into --out")
        parser.add_argument("--scene", type=Path, help="JSON; a simulated camera brings its own")
        parser.add_argument(
            "--calibration",
            type=Path,
            help="JSON marks of the road, for speeds (default: “calibration” in the scene)",
        )
        parser.add_argument(
            "--model",
            default=str(DETECTOR),
            help="motion, an ONNX file, or NAME@ALIAS or NAME:NUMBER of the Models page"
            " (default: the detector that ships)",
        )
        parser.add_argument(
            "--attention",
            action="store_true",
            help="a region model chooses where the model looks, which saves most of its time",
        )
        parser.add_argument(
            "--alone", action="store_true", help="a model without motion to vouch for weak boxes"
        )
        parser.add_argument("--fps", type=float, help="frames analysed per second (default: all)")
        parser.add_argument("--out", type=Path, help="folder for the results")
        parser.add_argument(
            "--partial", action="store_true", help="accept a recording that is cut off"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._analyze(options)
        except SceneInvalid as problem:
            raise CommandError(f"the scene was refused: {problem}", returncode=2) from problem
        except CalibrationInvalid as problem:
            raise CommandError(f"the calibration was refused: {problem}", returncode=2) from problem
        except (RecordingUnusable, ModelUnusable, SimulationInvalid, RenderFailed) as problem:
            raise CommandError(str(problem), returncode=2) from problem
        except OSError as problem:
            raise CommandError(f"cannot write the results: {problem}", returncode=2) from problem

    def _analyze(self, options: dict[str, Any]) -> None:
        fps: float | None = options["fps"]
        if fps is not None and not 0.0 < fps <= 1000.0:
            raise CommandError(f"--fps: expected a number above 0, got {fps:g}", returncode=2)
        cv2.setNumThreads(1)  # CPU per frame is then what one camera costs a busy gateway
        _silence_decoders()
        video, model = str(options["video"]), str(options["model"])
        out = options["out"] or Path(f"{_stem(video)}-analysis")
        scene, marks = self._scene(video, options["scene"])
        if options["calibration"] is not None:
            marks = _read_json(options["calibration"], "--calibration")
        calibration = None if marks is None else parse_calibration(marks)
        spec = replace(
            _detector_spec(model), attention=options["attention"], alone=options["alone"]
        )
        if spec.attention and not spec.model_path:
            raise CommandError("--attention: expected a --model, got motion", returncode=2)
        detector = build_detector(spec, scene)
        analysis = analyze_recording(
            self._recording(video, out),
            scene,
            detector,
            analysed_fps=fps,
            calibration=calibration,
            partial=options["partial"],
            progress=self._show if self.stderr.isatty() else None,
        )
        self._clear()
        about = {"video": video, "scene": str(options["scene"] or "of the simulated camera")}
        write_results(out, analysis, scene, about)
        self._report(analysis, scene, out)
        self._report_speeds(analysis, calibration)

    def _scene(self, video: str, path: Path | None) -> tuple[Scene, Any]:
        """The scene, and the calibration document that came with it or None."""
        if path is None and not video.startswith(SIMULATED):
            raise CommandError("--scene: expected a scene for a recording, got none", returncode=2)
        if path is None:
            spec = parse_simulation_url(video)
            document = default_scene(spec)
            marks = simulated_calibration(spec)
        else:
            document = _read_json(path, "--scene")
            marks = document.get("calibration") if isinstance(document, dict) else None
        scene = parse_scene(document, MODULE_KINDS)
        check_modules(scene)
        return scene, marks

    def _recording(self, video: str, out: Path) -> Path:
        if not video.startswith(SIMULATED):
            return Path(video)
        clip = render_clip(parse_simulation_url(video), out, self._show_rendering)
        self.stdout.write(f"truth: {clip.truth_path}")
        return clip.video_path

    def _report(self, analysis: Analysis, scene: Scene, out: Path) -> None:
        per_frame = analysis.cpu_ms_per_frame()
        stages = ", ".join(f"{name} {ms:.2f}" for name, ms in per_frame.items())
        self.stdout.write(
            f"{analysis.frames_analysed} of {analysis.frames_read} frames with {analysis.model},"
            f" {sum(per_frame.values()):.2f} ms CPU each ({stages})"
        )
        for line in scene.lines:
            found = [x.direction for x in analysis.crossings if x.line_id == line.id]
            counts = f"{found.count('forward')} forward, {found.count('backward')} backward"
            self.stdout.write(f"{line.name}: {counts}")
        for zone in scene.zones:
            visits = sum(visit.zone_id == zone.id for visit in analysis.visits)
            most = analysis.occupancy_max.get(zone.id, 0)
            self.stdout.write(f"{zone.name}: {visits} visits, at most {most} at once")
        for warning in analysis.warnings:
            self.stderr.write(f"warning: {warning}")
        self.stdout.write(f"written to {out}")

    def _report_speeds(self, analysis: Analysis, calibration: Calibration | None) -> None:
        if calibration is None:
            return
        for warning in calibration.warnings:
            self.stderr.write(f"calibration: {warning.message}")
        vehicles = f"{len(analysis.speeds)} speeds"
        if analysis.speeds:
            mean = sum(reading.speed_mps for reading in analysis.speeds) / len(analysis.speeds)
            vehicles += f", on average {mean:.1f} m/s ({mean * 3.6:.0f} km/h)"
        self.stdout.write(vehicles)

    def _show(self, progress: Progress) -> None:
        if progress.share is None or progress.remaining_s is None:
            self._line(f"{progress.frames_per_s:.0f} frames/s")
            return
        minutes, seconds = divmod(round(progress.remaining_s), 60)
        bar = "█" * round(BAR * progress.share)
        self._line(
            f"{bar:<{BAR}} {progress.share:4.0%}  {progress.frames_per_s:.0f} frames/s"
            f"  {minutes}:{seconds:02d} left"
        )

    def _show_rendering(self, share: float) -> None:
        if self.stderr.isatty():
            self._line(f"rendering {share:4.0%}")

    def _line(self, text: str) -> None:
        self.stderr.write(f"\r\x1b[K{text}", ending="")
        self.stderr.flush()

    def _clear(self) -> None:
        if self.stderr.isatty():
            self._line("")


def _silence_decoders() -> None:
    """What is wrong with a recording is said once, in our own words."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg's own; read at its first use


def _detector_spec(model: str) -> DetectorSpec:
    """What ``--model`` names: motion, a file, or a model of this gateway."""
    path = Path(model)
    if model == MOTION:
        return DetectorSpec()
    if path.exists() or path.suffix == ".onnx" or len(path.parts) > 1:
        return DetectorSpec(path.stem, model)
    names = [MOTION]
    try:
        names = detector_references()
        return version_spec(resolve(model).version, model)
    except (Refused, DatabaseError) as problem:  # counting needs no database, only names do
        raise CommandError(
            f"--model: expected an ONNX file or one of {', '.join(names)}; got {model[:120]!r}",
            returncode=2,
        ) from problem


def _read_json(path: Path, option: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise CommandError(
            f"{option}: expected a JSON file, but {problem}", returncode=2
        ) from problem
    except (ValueError, RecursionError) as problem:
        raise CommandError(
            f"{option}: expected JSON in {path}, but {problem}", returncode=2
        ) from problem


def _stem(video: str) -> str:
    return "simulation" if video.startswith(SIMULATED) else Path(video).stem
