"""One detector on smaller canvases: the same weights, fewer pixels.

A file that is tied to its size cannot be had smaller; it then looks at whole frames only.
"""

from __future__ import annotations

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detector import at_size
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.model_file import ModelFile
from models_registry.runtime.onnx_detector import OnnxDetector

STEP = 32  # the coarsest stride: sides are its multiples
SIZES = ((128, 128), (192, 128), (128, 192), (192, 192), (256, 192), (192, 256), (320, 224))
MOST_SHARE = 0.7  # of the whole canvas: a larger part saves too little


def smaller_detectors(
    file: ModelFile, contract: ModelContract, *, threads: int = 1
) -> tuple[OnnxDetector, ...]:
    """The model on every size of ``SIZES`` that it can be had in and that saves something."""
    if contract.fit == "stretch":
        return ()  # part of a frame would be stretched otherwise than the whole
    whole = contract.input_width * contract.input_height
    made = []
    for width, height in SIZES:
        if width > contract.input_width or height > contract.input_height:
            continue
        if width * height > MOST_SHARE * whole:
            continue
        try:
            made.append(at_size(file, contract, (width, height), threads))
        except ModelUnusable:
            return ()
    return tuple(made)
