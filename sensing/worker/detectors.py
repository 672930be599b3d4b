"""From a plan's words to a detector in this process: for recordings, tools and measurements.

A camera's worker runs models in processes of their own (``running``) and must not import this
file, which brings ONNX Runtime with it.
"""

from __future__ import annotations

from pathlib import Path

from models_registry.runtime.detector import Detector, load_detector
from sensing.domain.scene import Scene
from sensing.worker.motion import MOTION, build_motion
from sensing.worker.plan import DetectorSpec

__all__ = ["MOTION", "build_detector"]


def build_detector(spec: DetectorSpec, scene: Scene | None = None) -> Detector:
    """The detector a plan names: ``motion``, as the scene wants it, or an ONNX file.

    Raises ``ModelUnusable`` for an unusable file and ``ValueError`` for an unknown parameter.
    """
    if spec.model_path:
        return load_detector(Path(spec.model_path), spec.contract, threads=spec.threads)
    return build_motion(spec, scene)
