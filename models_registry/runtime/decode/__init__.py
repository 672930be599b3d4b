"""The output layouts that are understood. A new one is one file here and one word below."""

from __future__ import annotations

from models_registry.runtime.decode import (
    detr,
    detr_raw,
    fastestdet,
    nanodet,
    ssd,
    yolov5,
    yolov8,
    yolov10,
    yolox,
)
from models_registry.runtime.decode.layout import OutputLayout

LAYOUTS: dict[str, OutputLayout] = {
    module.LAYOUT.name: module.LAYOUT
    for module in (yolox, yolov5, yolov8, yolov10, nanodet, fastestdet, ssd, detr, detr_raw)
}
