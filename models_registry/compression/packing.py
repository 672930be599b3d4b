"""Deep compression for transport: fewer weights, shared values, Huffman codes; exact on arrival."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from models_registry.compression.clustering import Shared, shared_values
from models_registry.compression.drift import measure_drift
from models_registry.compression.graph import Graph
from models_registry.compression.huffman import HuffmanInvalid, decode, encode
from models_registry.compression.pack_file import (
    DENSE,
    MAX_MODEL_BYTES,
    SPARSE,
    CodedArray,
    PackInvalid,
    read,
    write,
)
from models_registry.compression.parameters import Parameter, check
from models_registry.compression.step import Change, Context, Outcome, Prediction, StepFailed

SMALLEST = 1024  # elements: below, tables and shared values cost more than they save
SPARSE_FROM = 0.5  # share of zeros from which gaps are worth trying
MAX_GAP = 255
FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16}
INTEGERS = {TensorProto.INT8, TensorProto.UINT8}
DRIFT_FEEDS = 8


@dataclass(frozen=True, slots=True)
class TensorReport:
    """What became of one tensor; ``zeros`` and ``relative_error`` of its weights."""

    name: str
    elements: int
    shared: int
    zeros: float
    coding: str
    bits_per_weight: float
    relative_error: float


@dataclass(frozen=True, slots=True)
class Packed:
    """``model`` is the clustered model's file, which ``unpack(packed)`` gives byte for byte."""

    model: bytes
    packed: bytes
    tensors: tuple[TensorReport, ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """Clusters weights to 2^bits shared values per tensor, Huffman-codes them, deflates the rest.

    ``sparsity`` sets this share of each large tensor's smallest weights to zero first. A tensor one
    of whose output channels would move by more than ``max_error`` of its size keeps its weights,
    deflated: values shared by all channels crush the channel whose weights are all small. A graph
    with weights in 8-bit integers is packed without loss.
    """

    conv_bits: int = 8
    dense_bits: int = 5
    sparsity: float = 0.0
    max_error: float | None = None

    kind: ClassVar[str] = "pack"
    title: ClassVar[str] = "Pack for transport"
    uses_stills: ClassVar[bool] = False
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("conv_bits", int, 8, 1, 8, help="bits of a convolution's shared values"),
        Parameter("dense_bits", int, 5, 1, 8, help="bits of a fully connected layer's"),
        Parameter("sparsity", float, 0.0, 0.0, 0.99, help="share of smallest weights set to zero"),
        Parameter("max_error", float, None, 0.0, 1.0, optional=True,
                  help="a tensor one of whose channels would move by more than this share of its"
                  " size keeps its weights"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)

    def predict(self, model: onnx.ModelProto) -> Prediction:
        """Size as if every index were equally frequent: Huffman's codes come on top."""
        size = float(model.ByteSize())
        for tensor in _tensors(Graph(model)):
            elements = int(np.prod(tensor.dims, dtype=np.int64))
            kept = 1.0 if tensor.data_type in INTEGERS else 1 - self.sparsity
            size += elements * (kept * self._bits(tensor) / 8 - _width(tensor))
        return Prediction(int(size), None, ("of the transport file, before Huffman codes",))

    def apply(self, model: onnx.ModelProto, context: Context) -> Outcome:
        """Raises ``StepFailed``: ``graph_unsupported``, ``result_broken``."""
        done = pack(
            model,
            conv_bits=self.conv_bits,
            dense_bits=self.dense_bits,
            sparsity=self.sparsity,
            max_error=self.max_error,
            progress=lambda share, words: context.progress(0.8 * share, words),
        )
        context.progress(0.8, "unpacking to compare")
        if unpack(done.packed, max_bytes=len(done.model)) != done.model:
            raise StepFailed("result_broken", "the transport file does not unpack to the model")
        result = onnx.load_from_string(done.model)
        weights = sum(x.elements for x in done.tensors)
        bits = sum(x.elements * x.bits_per_weight for x in done.tensors)
        figures: dict[str, Any] = {
            "packed_bytes": len(done.packed),
            "ratio": model.ByteSize() / len(done.packed),
            "bits_per_weight": bits / weights if weights else None,
            "sha256": hashlib.sha256(done.model).hexdigest(),
            "tensors": [
                {name: getattr(x, name) for name in TensorReport.__slots__} for x in done.tensors
            ],
        }
        if context.calibration:
            context.progress(0.9, "comparing the outputs")
            feeds = context.calibration[:DRIFT_FEEDS]
            figures["drift"] = measure_drift(model, result, feeds).relative
        changes = [
            Change(
                x.name,
                "kept exact" if x.coding == "exact" else "packed",
                f"{x.elements} weights in {x.bits_per_weight:.2f} bits each,"
                f" {x.shared} shared values, moved by {x.relative_error:.1%}",
            )
            for x in done.tensors
        ]
        return Outcome(result, tuple(changes), done.packed, figures)

    def _bits(self, tensor: onnx.TensorProto) -> int:
        if tensor.data_type in INTEGERS:
            return 8
        return self.conv_bits if len(tensor.dims) > 2 else self.dense_bits


def pack(
    model: onnx.ModelProto,
    *,
    conv_bits: int = 8,
    dense_bits: int = 5,
    sparsity: float = 0.0,
    max_error: float | None = None,
    progress: Callable[[float, str], None] = lambda share, words: None,
) -> Packed:
    """The clustered model and its transport file. The same arguments give the same bytes.

    Raises ``StepFailed`` (``graph_unsupported``: nothing to be coded, or external data).
    """
    step = Pack(conv_bits, dense_bits, sparsity, max_error)
    graph = Graph(model)
    tensors = list(_tensors(graph))
    if not tensors:
        raise StepFailed(
            "graph_unsupported", f"expected tensors of {SMALLEST} or more weights, got none"
        )
    coded: dict[str, tuple[CodedArray | None, TensorReport]] = {}
    for at, tensor in enumerate(tensors):
        progress(at / len(tensors), f"packing {tensor.name}")
        coded[tensor.name] = _coded(tensor, 1 << step._bits(tensor), step)
    clustered = graph.model.SerializeToString(deterministic=True)
    skeleton, arrays, reports = [], [], []
    cursor = 0
    for tensor in tensors:
        array, report = coded[tensor.name]
        reports.append(report)
        place = -1 if array is None else clustered.find(tensor.raw_data, cursor)
        if array is None or place < 0:
            continue  # kept exact, or not in the order of the list: deflated with the skeleton
        skeleton.append(clustered[cursor:place])
        cursor = place + array.size_bytes
        arrays.append(_placed(array, place))
    skeleton.append(clustered[cursor:])
    packed = write(clustered, b"".join(skeleton), arrays)
    return Packed(clustered, packed, tuple(reports))


def unpack(packed: bytes, *, max_bytes: int = MAX_MODEL_BYTES) -> bytes:
    """The clustered model's file, byte for byte. Raises ``PackInvalid``; uses no ONNX."""
    contents = read(packed, max_bytes=max_bytes)
    parts, cursor, written = [], 0, 0
    for array in contents.arrays:
        between = array.place - written
        if not 0 <= between <= len(contents.skeleton) - cursor:
            raise PackInvalid("corrupt", "an array lies outside the model")
        parts += [contents.skeleton[cursor : cursor + between], _decoded(array)]
        cursor += between
        written = array.place + array.size_bytes
    parts.append(contents.skeleton[cursor:])
    model = b"".join(parts)
    if hashlib.sha256(model).digest() != contents.sha256:
        raise PackInvalid("corrupt", "the unpacked model does not have the sha256 that is stated")
    return model


def _tensors(graph: Graph) -> Iterator[onnx.TensorProto]:
    """The weights worth coding, in the order of the file.

    In a quantized graph only the integers: what was left in float there is sensitive, and sharing
    its values would undo what leaving it in float was for.
    """
    quantized = any(
        x.data_type in INTEGERS and int(np.prod(x.dims, dtype=np.int64)) >= SMALLEST
        for x in graph.proto.initializer
    )
    for tensor in graph.proto.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            raise StepFailed("graph_unsupported", f"{tensor.name} lies outside the file")
        large = int(np.prod(tensor.dims, dtype=np.int64)) >= SMALLEST
        if large and (
            tensor.data_type in INTEGERS
            or (not quantized and tensor.data_type in FLOATS and len(tensor.dims) > 1)
        ):
            yield tensor


def _width(tensor: onnx.TensorProto) -> int:
    if tensor.data_type in INTEGERS:
        return 1
    return 4 if tensor.data_type == TensorProto.FLOAT else 2


def _coded(
    tensor: onnx.TensorProto, shared: int, step: Pack
) -> tuple[CodedArray | None, TensorReport]:
    """Clusters the tensor where it lies and codes it; its place is not known yet.

    No array where it keeps its weights.
    """
    before = numpy_helper.to_array(tensor)
    if tensor.data_type in INTEGERS or not np.isfinite(before).all():
        found = _as_bytes(before)
        weights = before.reshape(-1)
    else:
        found = _clustered(before, shared, step.sparsity)
        weights = found.weights()
        error = _worst_channel(before, weights.reshape(before.shape))
        if step.max_error is not None and error > step.max_error:
            tensor.CopyFrom(numpy_helper.from_array(before, tensor.name))
            zeros = float((before == 0).mean())
            bits = 8.0 * before.itemsize
            return None, TensorReport(tensor.name, before.size, 0, zeros, "exact", bits, 0.0)
    after = numpy_helper.from_array(weights.reshape(before.shape), tensor.name)
    tensor.CopyFrom(after)
    streams, coding = _streams(found)
    little = found.values.astype(found.values.dtype.newbyteorder("<"))
    array = CodedArray(0, len(found.index), little.itemsize, coding, little.tobytes(), streams)
    moved = np.linalg.norm((weights - before.reshape(-1)).astype(np.float64))
    size = np.linalg.norm(before.astype(np.float64))
    bits = 8 * sum(len(x.payload) + 2 * len(x.lane_bits) for x in streams)
    report = TensorReport(
        tensor.name,
        before.size,
        len(found.values),
        float((weights == 0).mean()),
        "sparse" if coding == SPARSE else "dense",
        (bits + 8 * len(array.values)) / before.size,
        float(moved / size) if size else 0.0,
    )
    return array, report


def _worst_channel(before: NDArray[Any], after: NDArray[Any]) -> float:
    """Relative error of the output channel that lost most, channels along the first axis."""
    rows = [x.reshape(len(before), -1).astype(np.float64) for x in (before, after)]
    size = np.linalg.norm(rows[0], axis=1)
    moved = np.linalg.norm(rows[1] - rows[0], axis=1)
    return float((moved[size > 0] / size[size > 0]).max(initial=0.0))


def _as_bytes(values: NDArray[Any]) -> Shared:
    """Every byte a symbol of its own: nothing is lost."""
    if values.itemsize != 1:
        raise StepFailed("graph_unsupported", "expected finite weights, got NaN or infinity")
    flat = np.ascontiguousarray(values).reshape(-1)
    return Shared(np.arange(256, dtype=np.uint8).view(flat.dtype), flat.view(np.uint8))


def _clustered(values: NDArray[Any], shared: int, sparsity: float) -> Shared:
    flat = values.reshape(-1)
    if sparsity:
        magnitudes = np.abs(flat)
        cut = int(sparsity * flat.size)
        limit = np.partition(magnitudes, cut)[cut]
        flat = np.where(magnitudes < limit, flat.dtype.type(0), flat)
    keep_zero = bool((flat == 0).mean() > 0.1)
    return shared_values(flat, max(shared, 2), keep_zero=keep_zero)


def _streams(found: Shared) -> tuple[tuple[Any, ...], int]:
    """The shorter of dense and sparse coding."""
    dense = (encode(found.index),)
    zero = np.flatnonzero(found.values == 0)
    if len(zero) != 1 or (found.index == zero[0]).mean() < SPARSE_FROM:
        return dense, DENSE
    gaps, indices = _relative(found.index, int(zero[0]))
    sparse = (encode(gaps), encode(indices))
    shorter = sum(_cost(x) for x in sparse) < _cost(dense[0])
    return (sparse, SPARSE) if shorter else (dense, DENSE)


def _cost(stream: Any) -> int:
    return len(stream.payload) + 2 * len(stream.lane_bits)


def _relative(index: NDArray[np.uint8], zero: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Zeros before each other weight, with a zero spelled out wherever a gap exceeds 255."""
    places = np.flatnonzero(index != zero)
    gaps = np.diff(places, prepend=-1) - 1
    fillers = gaps // (MAX_GAP + 1)
    ends = np.cumsum(fillers + 1) - 1
    spelled = np.full(int(fillers.sum()) + len(places), MAX_GAP, np.uint8)
    values = np.full(len(spelled), zero, np.uint8)
    spelled[ends] = gaps - fillers * (MAX_GAP + 1)
    values[ends] = index[places]
    return spelled, values


def _decoded(array: CodedArray) -> bytes:
    width = array.element_bytes
    values = np.frombuffer(array.values, f"V{width}")
    try:
        streams = [decode(x) for x in array.streams]
    except HuffmanInvalid as error:
        raise PackInvalid("corrupt", f"an array cannot be decoded: {error}") from error
    if streams[-1].size and int(streams[-1].max()) >= len(values):
        raise PackInvalid("corrupt", "an array names a shared value that is not there")
    if array.coding == DENSE:
        return values[streams[0]].tobytes()
    places = np.cumsum(streams[0].astype(np.int64) + 1) - 1
    if len(places) and places[-1] >= array.elements:
        raise PackInvalid("corrupt", "gaps lead out of an array")
    weights = np.zeros(array.elements, f"V{width}")
    weights[places] = values[streams[1]]
    return weights.tobytes()


def _placed(array: CodedArray, place: int) -> CodedArray:
    return CodedArray(
        place, array.elements, array.element_bytes, array.coding, array.values, array.streams
    )
