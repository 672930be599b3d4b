"""What is read from a model file before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import numpy_helper

from models_registry.runtime.errors import ModelUnusable

MAX_BYTES = 512 * 1024 * 1024
_CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}  # which input is the weight
_ARITHMETIC = frozenset({"Mul", "Div", "Add", "Sub", "BatchNormalization", "Pow", "Sqrt"})
# A first filter that meets pixels of 0–255 has a norm near 0.01, one that meets 0–1 or standardised
# pixels near 1: measured on nine public detectors .002–.033 and .45–19. Between is no evidence.
_NORM_FOR_BYTES, _NORM_FOR_UNITS = 0.08, 0.2


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file that is an ONNX graph in one piece; ``pixel_range`` is 255, 1 or unknown."""

    name: str
    content: bytes
    pixel_range: float | None


def read_model(path: Path) -> ModelFile:
    """Raises ``ModelUnusable``: ``not_found``, ``too_large``, ``not_onnx``, ``external_data``."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ModelUnusable("too_large", f"expected at most {MAX_BYTES} bytes, got {size}")
        content = path.read_bytes()
    except OSError as error:
        raise ModelUnusable("not_found", f"cannot read {path.name}: {error.strerror}") from error
    graph = _parse(content, path.name).graph
    outside = [x.name for x in graph.initializer if x.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        raise ModelUnusable(
            "external_data",
            f"expected all weights inside {path.name}, {len(outside)} lie in other files",
        )
    return ModelFile(path.stem, content, pixel_range(graph))


def _parse(content: bytes, name: str) -> onnx.ModelProto:
    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise ModelUnusable("not_onnx", f"expected an ONNX file, {name} does not parse") from error
    if not model.graph.node or not model.graph.output:
        raise ModelUnusable("not_onnx", f"expected an ONNX graph with nodes, {name} has none")
    return model


def pixel_range(graph: onnx.GraphProto) -> float | None:
    """255.0 or 1.0 by the size of the first convolution's filters; ``None`` if they do not tell."""
    first = next((x for x in graph.node if x.op_type in _CONVOLUTIONS), None)
    # A broken node may lack the input; the runtime will refuse it in its own words.
    if first is None or len(first.input) <= _CONVOLUTIONS[first.op_type]:
        return None
    if _scaled_before(graph, first):
        return None
    weight = _weight(graph, first.input[_CONVOLUTIONS[first.op_type]])
    if weight is None or weight.ndim != 4:
        return None
    norm = float(np.median(np.sqrt((weight.reshape(len(weight), -1) ** 2).sum(axis=1))))
    if norm < _NORM_FOR_BYTES:
        return 255.0
    return 1.0 if norm > _NORM_FOR_UNITS else None


def _scaled_before(graph: onnx.GraphProto, node: onnx.NodeProto) -> bool:
    """Whether the graph itself computes with the picture before ``node`` sees it."""
    maker = {name: x for x in graph.node for name in x.output}
    waiting, seen = [node.input[0]], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in maker:
            continue
        seen.add(name)
        if maker[name].op_type in _ARITHMETIC:
            return True
        waiting.extend(maker[name].input)
    return False


def _weight(graph: onnx.GraphProto, name: str) -> NDArray[np.float64] | None:
    """A weight by name, dequantized where it is stored as integers."""
    constants = {x.name: x for x in graph.initializer}
    maker = next((x for x in graph.node if name in x.output), None)
    if maker is not None and maker.op_type == "DequantizeLinear":
        parts = list(maker.input)
    elif name.endswith("_quantized"):  # as ONNX Runtime's dynamic quantization names them
        stem = name.removesuffix("_quantized")
        parts = [name, f"{stem}_scale", f"{stem}_zero_point"]
    else:
        parts = [name]
    if any(part not in constants for part in parts):
        return None
    values = [numpy_helper.to_array(constants[part]).astype(np.float64) for part in parts]
    weight = values[0]
    column = (-1, *[1] * (weight.ndim - 1))  # per output channel
    if len(values) == 3:
        weight = weight - values[2].reshape(column)
    return weight * values[1].reshape(column) if len(values) > 1 else weight
