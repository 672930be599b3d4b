"""From a plan's words to a detector in this process: for recordings, tools and measurements.

A camera's worker runs models in processes of their own (``running``) and must not import this
file, which brings ONNX Runtime with it.
"""

from __future__ import annotations

from pathlib import Path

from models_registry.runtime.attention import load_attentive
from models_registry.runtime.detector import Detector, load_detector
from models_registry.runtime.vouching import VouchedDetector
from sensing.domain.scene import Scene
from sensing.worker.motion import MOTION, build_motion, witness
from sensing.worker.plan import DetectorSpec

__all__ = ["MOTION", "build_detector"]


def build_detector(spec: DetectorSpec, scene: Scene | None = None) -> Detector:
    """The detector a plan names: ``motion``, as the scene wants it, or an ONNX file with motion
    beside it, and with a region model before it if the plan says so.

    Raises ``ModelUnusable`` for an unusable file and ``ValueError`` for an unknown parameter.
    """
    if not spec.model_path:
        return build_motion(spec, scene)
    load = load_attentive if spec.attention else load_detector
    model: Detector = load(Path(spec.model_path), spec.contract, threads=spec.threads)
    beside = witness(spec, scene)
    return model if beside is None else VouchedDetector(model, beside)
