"""Small float nets for the steps that lower precision, and inputs for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE = 32


def detector(*, opset: int = 17, outlier: float = 1.0, declared: bool = False) -> onnx.ModelProto:
    """Stem, depthwise and pointwise layer with SiLU, a box and a score head joined to rows.

    ``outlier`` blows one channel of the depthwise layer up and its reader's weights down: the net
    computes the same, but its 8 bits must span the large channel. ``declared``: weights are listed
    as inputs, as old exporters did.
    """
    rng = np.random.default_rng(3)
    constants: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []

    def conv(given: str, stem: str, shape: tuple[int, ...], scale: Any = 1.0, **more: Any) -> str:
        fan = np.sqrt(np.prod(shape[1:]))
        weight = rng.normal(0, 1.2 / fan, shape) * scale
        constants.append(numpy_helper.from_array(weight.astype(np.float32), f"{stem}.w"))
        bias = rng.normal(0, 0.1, shape[0]).astype(np.float32)
        constants.append(numpy_helper.from_array(bias, f"{stem}.b"))
        names = [given, f"{stem}.w", f"{stem}.b"]
        nodes.append(helper.make_node("Conv", names, [f"{stem}.y"], stem, **more))
        return f"{stem}.y"

    def silu(given: str) -> str:
        gate, made = f"{given}.gate", f"{given}.silu"
        nodes.append(helper.make_node("Sigmoid", [given], [gate], f"{given}.sigmoid"))
        nodes.append(helper.make_node("Mul", [given, gate], [made], f"{given}.mul"))
        return made

    gain = np.ones((32, 1, 1, 1))
    gain[0] = outlier
    x = silu(conv("pictures", "stem", (32, 3, 3, 3), 0.02, strides=[2, 2], pads=[1] * 4))
    x = conv(x, "depthwise", (32, 1, 3, 3), gain, group=32, pads=[1] * 4)
    nodes.append(helper.make_node("Relu", [x], ["relu"], "relu"))
    x = silu(conv("relu", "pointwise", (64, 32, 1, 1), 1 / gain.reshape(1, 32, 1, 1)))
    x = silu(conv(x, "wide", (64, 64, 3, 3), pads=[1] * 4))
    boxes, scores = conv(x, "boxes", (4, 64, 1, 1)), conv(x, "scores", (8, 64, 1, 1))
    nodes += [
        helper.make_node("Sigmoid", [scores], ["shares"], "shares"),
        helper.make_node("Concat", [boxes, "shares"], ["maps"], "join", axis=1),
        helper.make_node("Reshape", ["maps", "rows"], ["output"], "flatten"),
    ]
    constants.append(numpy_helper.from_array(np.array([1, 12, -1], np.int64), "rows"))
    inputs = [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, [1, 3, SIDE, SIDE])]
    if declared:
        inputs += [helper.make_tensor_value_info(x.name, x.data_type, x.dims) for x in constants]
    shape = [1, 12, (SIDE // 2) ** 2]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)]
    graph = helper.make_graph(nodes, "detector", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(model, {"names": "person,car"})
    onnx.checker.check_model(model)
    return model


def pictures(count: int = 12, seed: int = 5) -> list[dict[str, NDArray[Any]]]:
    """Smooth pictures of 0–255, as a camera gives them."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        coarse = rng.uniform(0, 255, (1, 3, SIDE // 4, SIDE // 4))
        found.append({"pictures": coarse.repeat(4, 2).repeat(4, 3).astype(np.float32)})
    return found


def weights(model: onnx.ModelProto) -> dict[str, NDArray[Any]]:
    """Constants by name."""
    return {x.name: numpy_helper.to_array(x) for x in model.graph.initializer}
