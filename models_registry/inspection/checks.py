"""What a parsed graph must not contain."""

from __future__ import annotations

import onnx
from onnx import defs

from models_registry.inspection.reading import TEXT_BYTES
from models_registry.inspection.rejection import ModelRejected
from models_registry.inspection.shapes import CONTRIB, nodes_in, nodes_of
from models_registry.inspection.tensors import check_tensors, stored_tensors
from models_registry.inspection.wiring import check_wiring

OLDEST_OPSET, NEWEST_OPSET = 7, 26  # what the runtime that is installed reads
MOST_NODES, MOST_TENSORS = 50_000, 50_000
SIMPLER = "simplify the model or choose a smaller one"
ANEW = "export the model without local functions"
STANDARD = ("", "ai.onnx", "ai.onnx.ml")
# What ONNX Runtime's own quantizers write; every other operator outside the standard is refused.
CONTRIB_OPERATORS = frozenset(
    (
        "QuantizeLinear",
        "DequantizeLinear",
        "QLinearAdd",
        "QLinearMul",
        "QLinearSigmoid",
        "QLinearLeakyRelu",
        "QLinearSoftmax",
        "QLinearAveragePool",
        "QLinearGlobalAveragePool",
        "QLinearConcat",
        "QLinearWhere",
        "QGemm",
        "MatMulNBits",
        "GatherBlockQuantized",
        "DynamicQuantizeLSTM",
        "QAttention",
        "QEmbedLayerNormalization",
    )
)


def check_graph(model: onnx.ModelProto) -> None:
    """Raises ``ModelRejected``: ``external_data``, ``too_large``, ``too_complex``,
    ``unsupported_opset``, ``custom_operator``, ``not_loadable``."""
    _check_size(model)
    _check_functions(model)
    _check_opset(model)
    _check_operators(model)
    check_tensors(model)
    check_wiring(model)


def _check_size(model: onnx.ModelProto) -> None:
    nodes = 0
    text = sum(len(x.key) + len(x.value) for x in model.metadata_props)
    text += len(model.graph.doc_string)
    for node in nodes_of(model):
        nodes += 1
        text += len(node.doc_string) + len(node.name)
    tensors = sum(1 for _ in stored_tensors(model))
    for what, most, got in (
        ("nodes", MOST_NODES, nodes),
        ("stored tensors", MOST_TENSORS, tensors),
    ):
        if got > most:
            raise ModelRejected(
                "too_complex", f"expected at most {most} {what}, got {got}; {SIMPLER}"
            )
    if text > TEXT_BYTES:
        raise ModelRejected(
            "too_large",
            f"expected at most {TEXT_BYTES} bytes of names and notes, got {text}; export the model"
            " without doc strings",
        )


def _check_functions(model: onnx.ModelProto) -> None:
    """How many nodes the local functions unfold to; ten that call each other ten times are 10¹⁰."""
    bodies = {(x.domain, x.name): x for x in model.functions}
    unfolded: dict[tuple[str, str], int] = {}
    open_calls: set[tuple[str, str]] = set()

    def size_of(key: tuple[str, str]) -> int:
        if key in open_calls:
            raise ModelRejected("too_complex", f"the function {key[1][:80]!r} calls itself; {ANEW}")
        if key not in unfolded:
            open_calls.add(key)
            if len(open_calls) > 64:
                raise ModelRejected(
                    "too_complex", f"functions call each other over 64 deep; {ANEW}"
                )
            calls = [(x.domain, x.op_type) for x in nodes_in(bodies[key])]
            unfolded[key] = sum(size_of(x) if x in bodies else 1 for x in calls)
            open_calls.discard(key)
        return min(unfolded[key], MOST_NODES + 1)

    total = 0
    for node in nodes_in(model.graph):
        key = (node.domain, node.op_type)
        total += size_of(key) if key in bodies else 1
    if total > MOST_NODES:
        raise ModelRejected(
            "too_complex",
            f"expected at most {MOST_NODES} nodes, its functions unfold to more; {SIMPLER}",
        )


def opset_of(model: onnx.ModelProto) -> int:
    """The version of the standard operators; 0 when it is not stated."""
    return max((x.version for x in model.opset_import if x.domain in ("", "ai.onnx")), default=0)


def _check_opset(model: onnx.ModelProto) -> None:
    opset = opset_of(model)
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        raise ModelRejected(
            "unsupported_opset",
            f"expected opset {OLDEST_OPSET}–{NEWEST_OPSET}, got {opset or 'none stated'}; export"
            " the model with opset 17",
        )


def _check_operators(model: onnx.ModelProto) -> None:
    own = {(x.domain, x.name) for x in model.functions}
    opset = opset_of(model)
    unknown = set()
    for node in nodes_of(model):
        if (node.domain, node.op_type) in own or _is_known(node, opset):
            continue
        unknown.add(f"{node.domain or 'ai.onnx'}.{node.op_type}"[:120])
    if unknown:
        named = ", ".join(sorted(unknown)[:8])
        more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
        raise ModelRejected(
            "custom_operator",
            f"expected standard ONNX operators of opset {opset}, got {named}{more}; export the"
            " model without them, for instance with its post-processing left out",
        )


def _is_known(node: onnx.NodeProto, opset: int) -> bool:
    if node.domain == CONTRIB:
        return node.op_type in CONTRIB_OPERATORS
    if node.domain not in STANDARD:
        return False
    if node.domain == "ai.onnx.ml":
        return bool(defs.has(node.op_type, node.domain))
    # Asked without version: runtimes also take operators that the stated opset has dropped.
    return bool(defs.has(node.op_type, "")) and opset > 0
