"""Clean up a graph before other steps: newer operators, nothing constant computed, no waste."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import onnx
from onnx import version_converter

from models_registry.compression.capture import loaded
from models_registry.compression.drift import Drift, measure_drift
from models_registry.compression.folding import fold_constants
from models_registry.compression.graph import Graph, attribute, random_feeds
from models_registry.compression.parameters import Parameter, check
from models_registry.compression.step import (
    Change,
    Context,
    Feeds,
    Outcome,
    Prediction,
    StepFailed,
    seeded,
)

OLDEST, NEWEST = 13, 22
SAME = 1e-3  # relative drift below which outputs count as equal: float32 sums in another order
RANDOM_RUNS = 2


@dataclass(frozen=True, slots=True)
class Cleanup:
    """Raises the operator set, folds constants, fuses BatchNorm into Conv, drops what is unused."""

    opset: int = 17

    kind: ClassVar[str] = "cleanup"
    title: ClassVar[str] = "Clean up"
    uses_stills: ClassVar[bool] = False
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("opset", int, 17, OLDEST, NEWEST, help="oldest operator set of the result"),
    )

    def __post_init__(self) -> None:
        check(self)

    def predict(self, model: onnx.ModelProto) -> Prediction:
        """The cleaned graph's size: nothing needs to be guessed, the step is quick."""
        cleaned, changes = self._cleaned(model)
        return Prediction(cleaned.model.ByteSize(), None, tuple(x.detail for x in changes))

    def apply(self, model: onnx.ModelProto, context: Context) -> Outcome:
        """Raises ``StepFailed``: ``result_broken`` where the cleaned graph computes otherwise."""
        context.progress(0.0, "cleaning the graph")
        graph, changes = self._cleaned(model)
        check_valid(graph.model)
        context.progress(0.5, "comparing the outputs")
        rng = seeded(context)
        feeds: Sequence[Feeds] = context.calibration[:RANDOM_RUNS] or [
            random_feeds(model, rng) for _ in range(RANDOM_RUNS)
        ]
        drift = measure_drift(model, graph.model, feeds)
        _demand_equal(drift)
        return Outcome(graph.model, tuple(changes), figures={"opset": graph.opset})

    def _cleaned(self, model: onnx.ModelProto) -> tuple[Graph, list[Change]]:
        graph, changes = _raised(Graph(model), self.opset)
        changes += [
            x
            for x in (
                _drop_overridable(graph),
                fold_constants(graph),
                _drop_identities(graph),
                *_fuse_batch_norms(graph),
                _share_equal_constants(graph),
                _drop_words(graph),
            )
            if x is not None
        ]
        graph.remove_unused()
        del graph.proto.value_info[:]
        return graph, changes


def check_valid(model: onnx.ModelProto) -> None:
    """Raises ``StepFailed`` (``result_broken``) where ONNX's checker or ONNX Runtime refuses it."""
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise StepFailed("result_broken", f"the changed graph is not valid: {error}") from error
    loaded(model)


def _raised(graph: Graph, opset: int) -> tuple[Graph, list[Change]]:
    if graph.opset >= opset:
        return graph, []
    old = graph.opset
    try:
        converted = version_converter.convert_version(graph.model, opset)
        loaded(converted)
    except (RuntimeError, ValueError, StepFailed) as error:  # the converter knows not every node
        words = " ".join(str(error).split())[:200]
        return graph, [Change("graph", "kept", f"operator set {old}, cannot be raised: {words}")]
    return Graph(converted), [Change("graph", "raised", f"operator set {old} → {opset}")]


def _demand_equal(drift: Drift) -> None:
    wrong = [x for x in drift.outputs if x.relative is not None and x.relative > SAME]
    if wrong:
        raise StepFailed(
            "result_broken",
            f"output {wrong[0].output} changed by {wrong[0].relative:.2g} of its size, expected"
            f" at most {SAME}",
        )


def _drop_overridable(graph: Graph) -> Change | None:
    """Old files list weights as inputs too; ONNX Runtime then may not optimise them."""
    kept = [x for x in graph.proto.input if x.name not in graph.constants]
    count = len(graph.proto.input) - len(kept)
    if not count:
        return None
    copies = [onnx.ValueInfoProto.FromString(x.SerializeToString()) for x in kept]
    del graph.proto.input[:]
    graph.proto.input.extend(copies)
    return Change("graph", "dropped", f"{count} weights from the list of inputs")


def _drop_identities(graph: Graph) -> Change | None:
    count = 0
    for node in list(graph.proto.node):
        idle = node.op_type == "Identity" or (node.op_type == "Dropout" and len(node.output) == 1)
        if idle and node.output[0] not in graph.outputs:
            graph.replace_reads(node.output[0], node.input[0])
            graph.refresh()
            count += 1
    graph.remove_unused()
    return Change("graph", "dropped", f"{count} nodes that pass their input on") if count else None


def _fuse_batch_norms(graph: Graph) -> list[Change]:
    changes = []
    for norm in [x for x in graph.proto.node if x.op_type == "BatchNormalization"]:
        conv = graph.producer.get(norm.input[0])
        values = [graph.constant(x) for x in norm.input[1:5]]
        if (
            conv is None
            or conv.op_type != "Conv"
            or len(graph.consumers[norm.input[0]]) != 1
            or norm.input[0] in graph.outputs
            or len([x for x in norm.output if x]) != 1
            or any(x is None for x in values)
            or (weight := graph.constant(conv.input[1])) is None
        ):
            continue
        scale, shift, mean, variance = (np.asarray(x, np.float64) for x in values)
        gain = scale / np.sqrt(variance + attribute(norm, "epsilon", 1e-5))
        old_bias = graph.constant(graph.optional_input(conv, 2))
        bias = shift + gain * ((0 if old_bias is None else old_bias) - mean)
        column = (-1, *[1] * (weight.ndim - 1))
        fused = (weight * gain.reshape(column)).astype(weight.dtype)
        names = [
            graph.add_constant(f"{conv.name}_weight", fused),
            graph.add_constant(f"{conv.name}_bias", bias.astype(weight.dtype)),
        ]
        inputs = [conv.input[0], *names]
        del conv.input[:]
        conv.input.extend(inputs)
        graph.replace_reads(norm.output[0], conv.output[0])
        if norm.output[0] in graph.outputs:
            norm.op_type, norm.domain = "Identity", ""
            del norm.attribute[:], norm.input[1:]
        graph.refresh()
        changes.append(Change(norm.name, "fused", f"into {conv.name}"))
    graph.remove_unused()
    return changes


def _share_equal_constants(graph: Graph) -> Change | None:
    first: dict[tuple[int, tuple[int, ...], bytes], str] = {}
    count = 0
    for name, tensor in list(graph.constants.items()):
        value = graph.constant(name)
        assert value is not None
        key = (tensor.data_type, value.shape, value.tobytes())
        if key in first:
            graph.replace_reads(name, first[key])
            count += 1
        first.setdefault(key, name)
    graph.refresh()
    return Change("graph", "shared", f"{count} constants that were stored twice") if count else None


def _drop_words(graph: Graph) -> Change | None:
    before = graph.model.ByteSize()
    graph.model.ClearField("doc_string")
    graph.proto.ClearField("doc_string")
    for message in [*graph.proto.node, *graph.proto.initializer]:
        message.ClearField("doc_string")
    for info in [*graph.proto.input, *graph.proto.output]:
        info.ClearField("doc_string")
    saved = before - graph.model.ByteSize()
    return Change("graph", "dropped", f"{saved} bytes of notes to developers") if saved else None
