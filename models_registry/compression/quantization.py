"""Weights and activations in 8 bits, the layers that suffer left in float."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
from onnx import TensorProto
from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry
from onnxruntime.quantization.shape_inference import quant_pre_process

from models_registry.compression.bias_correction import Means, corrected, input_means
from models_registry.compression.constants import with_fixed_constants
from models_registry.compression.graph import Graph, refuse_quantized
from models_registry.compression.parameters import Parameter, check
from models_registry.compression.ranges import METHODS, Range, activation_ranges
from models_registry.compression.sensitivity import (
    TAIL,
    Effect,
    Reference,
    blocks,
    effects,
    thin_layers,
    worst_to_leave_out,
)
from models_registry.compression.step import Change, Context, Outcome, Prediction, StepFailed

OLDEST_OPSET = 13  # from here on a scale may be per channel
PROBES = 8  # calibration inputs on which drift is measured, again and again
FEW_FEEDS = 16
QUANTIZABLE = sorted({*QDQRegistry, *QLinearOpsRegistry})
REDUCE_RANGE = ("auto", "never", "always")


@dataclass(frozen=True, slots=True)
class Int8:
    """Static int8: activations uint8, weights int8 per channel, ranges from calibration inputs.

    ``drift_limit`` and ``max_float_share`` decide which layers stay in float: the worst ones by
    measured effect until the outputs drift less, but no more than this share of the layers. First
    of them, whatever its effect, a convolution on the picture's few channels: integers are slower.
    ``reduce_range`` keeps weights to 7 bits, which processors without VNNI add up without
    saturating; ``auto`` measures on this machine which is nearer to the float model.
    """

    method: str = "error"
    drift_limit: float = 0.2
    max_float_share: float = 0.25
    reduce_range: str = "auto"
    correct_biases: bool = True

    kind: ClassVar[str] = "int8"
    title: ClassVar[str] = "Quantize to int8"
    uses_stills: ClassVar[bool] = True
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("method", str, "error", help="how activation ranges are chosen", choices=METHODS),
        Parameter("drift_limit", float, 0.2, 0.0, 1.0, help="output drift to stay below"),
        Parameter("max_float_share", float, 0.25, 0.0, 1.0, help="share of layers kept in float"),
        Parameter("reduce_range", str, "auto", help="7-bit weights", choices=REDUCE_RANGE),
        Parameter("correct_biases", bool, True, help="take out mean rounding errors"),
    )

    def __post_init__(self) -> None:
        check(self)

    def predict(self, model: onnx.ModelProto) -> Prediction:
        """Size with every layer quantized; which ones will refuse only calibration tells."""
        graph = _accepted(model)
        saved = sum(
            3 * int(np.prod(graph.constants[x].dims, dtype=np.int64))
            for x in {y for block in _layers(graph) for y in block.input[1:2]}
        )
        note = (
            f"up to {self.max_float_share:.0%} of the layers may stay in float and keep their size"
        )
        return Prediction(model.ByteSize() - saved, None, ("needs calibration inputs", note))

    def apply(self, model: onnx.ModelProto, context: Context) -> Outcome:
        """Raises ``StepFailed``: ``needs_calibration``, ``graph_unsupported``, ``nothing_to_do``,
        ``result_broken``."""
        _accepted(model)
        if not context.calibration:
            raise StepFailed(
                "needs_calibration", "expected stills of the cameras that will use it, got none"
            )
        with _quiet():
            job = _Job(self, _prepared(model), context)
            return job.outcome(model)


@dataclass(slots=True)
class _Job:
    """One run of the step: everything measured once is kept."""

    step: Int8
    float_model: onnx.ModelProto
    context: Context
    ranges: dict[str, Range] = field(init=False)
    means: Means = field(init=False)
    tail: set[str] = field(init=False)
    thin: set[str] = field(init=False)
    reference: Reference = field(init=False)

    def __post_init__(self) -> None:
        feeds, progress = self.context.calibration, self.context.progress
        # What turns answers into boxes works little, and joins pixels and scores in one tensor,
        # whose steps would be wider than any score.
        found = blocks(self.float_model)
        self.tail = {x for block in found if block.name == TAIL for x in block.nodes}
        self.thin = thin_layers(self.float_model)
        self.ranges = activation_ranges(
            self.float_model,
            feeds,
            self.step.method,
            lambda share: progress(0.3 * share, "measuring the ranges of activations"),
        )
        probes = [feeds[i * len(feeds) // PROBES] for i in range(PROBES)]
        probes = probes if len(feeds) > PROBES else [*feeds]
        self.means = (
            input_means(self.float_model, self.ranges, probes) if self.step.correct_biases else {}
        )
        self.reference = Reference(self.float_model, probes)

    def outcome(self, original: onnx.ModelProto) -> Outcome:
        """Effects, choice, result and report."""
        found = [x for x in blocks(self.float_model) if x.name != TAIL]
        everything = [x for block in found for x in block.nodes]
        reduced = self.step.reduce_range == "always"
        ranked = effects(
            found,
            lambda only: self._quantized(set(everything) - set(only), reduced=reduced),
            self.reference,
            lambda share, words: self.context.progress(0.3 + 0.5 * share, words),
        )
        layers = sum(x.layers for x in found)
        allowed = int(self.step.max_float_share * layers)
        slow = [x for x in ranked if x.block.name in self.thin]
        if sum(x.block.layers for x in slow) > allowed:
            slow = []
        rest = [x for x in ranked if x not in slow]
        counted = worst_to_leave_out(
            rest,
            lambda count: self._drift([*slow, *rest[:count]], reduced, f"{count} blocks in float"),
            self.step.drift_limit,
            allowed - sum(x.block.layers for x in slow),
        )
        left = [*slow, *rest[:counted]]
        drifts = {reduced: self._drift(left, reduced, "comparing")}
        if self.step.reduce_range == "auto":
            drifts[True] = self._drift(left, True, "trying weights of 7 bits")
        reduced = min(drifts, key=lambda x: (drifts[x], x))
        result = self._quantized(_names(left), reduced=reduced)
        _keep_words(original, result)
        figures = {
            "drift": drifts[reduced],
            "drift_limit": self.step.drift_limit,
            "drift_all_int8": self._drift([], reduced, "comparing with everything in int8"),
            "drift_by_reduce_range": {str(x).lower(): y for x, y in drifts.items()},
            "layers": layers,
            "layers_in_float": sum(x.block.layers for x in left),
            "size_ratio": result.ByteSize() / original.ByteSize(),
            "effects": [
                {"layer": x.block.name, "drift_alone": x.drift, "in_float": x in left}
                for x in ranked
            ],
        }
        return Outcome(result, tuple(self._changes(left, layers, figures)), figures=figures)

    def _quantized(self, in_float: set[str], *, reduced: bool) -> onnx.ModelProto:
        model = self.float_model
        if self.means:
            model = corrected(model, self.means, in_float, reduced=reduced)
        else:
            model = Graph(model).model  # the quantizer changes what it is given
        return _quantize(model, self.ranges, in_float | self.tail, reduced=reduced)

    def _drift(self, left: Sequence[Effect], reduced: bool, words: str) -> float:
        self.context.progress(0.9, words)
        return self.reference.drift(self._quantized(_names(left), reduced=reduced))

    def _changes(
        self, left: Sequence[Effect], layers: int, figures: dict[str, Any]
    ) -> Iterator[Change]:
        in_float = figures["layers_in_float"]
        yield Change(
            "model",
            "quantized",
            f"{layers - in_float} of {layers} layers in int8, outputs drift"
            f" {figures['drift']:.1%} (all in int8: {figures['drift_all_int8']:.1%})",
        )
        for effect in left:
            reason = f"in int8 it alone moves the outputs by {effect.drift:.1%}"
            if effect.block.name in self.thin:
                reason = "integers would gather its few channels one by one, which takes longer"
            yield Change(effect.block.name, "kept in float", reason)
        if figures["drift"] > self.step.drift_limit:
            wished = f"the limit of {self.step.drift_limit:.1%} was not reached with"
            share = f"{self.step.max_float_share:.0%} of the layers allowed in float"
            yield Change("model", "drifts", f"{wished} {share}: measure its accuracy")
        if len(self.context.calibration) < FEW_FEEDS:
            seen = f"{len(self.context.calibration)} inputs, {FEW_FEEDS} or more are better"
            yield Change("calibration", "few inputs", seen)


def _accepted(model: onnx.ModelProto) -> Graph:
    refuse_quantized(model, Int8.title)
    graph = Graph(model)
    if graph.opset < OLDEST_OPSET:
        raise StepFailed(
            "graph_unsupported",
            f"expected opset {OLDEST_OPSET} or newer, got {graph.opset}:"
            " put the clean-up step first in the recipe, it raises it",
        )
    if not _layers(graph):
        raise StepFailed("nothing_to_do", "expected layers with constant float32 weights, got none")
    return graph


def _layers(graph: Graph) -> list[onnx.NodeProto]:
    kinds = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
    weights = {x for x, y in graph.constants.items() if y.data_type == TensorProto.FLOAT}
    return [x for x in graph.proto.node if x.op_type in kinds and x.input[1] in weights]


def _prepared(model: onnx.ModelProto) -> onnx.ModelProto:
    """Fused by ONNX Runtime where that is exact, shapes inferred, every node named."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "given.onnx", Path(folder) / "made.onnx"
        onnx.save(with_fixed_constants(model).model, str(given))
        try:
            quant_pre_process(str(given), str(made), skip_symbolic_shape=True)
            prepared = onnx.load(str(made))
        except Exception as error:  # the library raises whatever comes
            words = " ".join(str(error).split())[:300]
            raise StepFailed(
                "graph_unsupported", f"ONNX Runtime cannot prepare it: {words}"
            ) from error
    return Graph(prepared).model


def _quantize(
    model: onnx.ModelProto, ranges: dict[str, Range], in_float: set[str], *, reduced: bool
) -> onnx.ModelProto:
    limits = {x: (np.float32(low), np.float32(high)) for x, (low, high) in ranges.items()}
    try:
        quantizer = QDQQuantizer(
            model,
            True,  # per channel
            reduced,
            QuantType.QInt8,
            QuantType.QUInt8,
            TensorsData(CalibrationMethod.MinMax, limits),
            [],
            sorted(in_float),
            QUANTIZABLE,
            {},
        )
        quantizer.quantize_model()
        quantizer.model.topological_sort()
    except Exception as error:  # the library raises whatever comes
        words = " ".join(str(error).split())[:300]
        raise StepFailed(
            "graph_unsupported", f"ONNX Runtime cannot quantize it: {words}"
        ) from error
    result: onnx.ModelProto = quantizer.model.model
    return result


def _names(left: Sequence[Effect]) -> set[str]:
    return {x for effect in left for x in effect.block.nodes}


def _keep_words(original: onnx.ModelProto, result: onnx.ModelProto) -> None:
    """Labels and notes of the exporter, and no operator sets that nothing uses."""
    del result.metadata_props[:]
    result.metadata_props.extend(original.metadata_props)
    used = {x.domain for x in result.graph.node}
    kept = [x for x in result.opset_import if x.domain in used]
    del result.opset_import[:]
    result.opset_import.extend(kept)
    result.ir_version = max(original.ir_version, 7)
    del result.graph.value_info[:]


@contextmanager
def _quiet() -> Iterator[None]:
    """The library speaks to the root logger of things that the report says better."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
