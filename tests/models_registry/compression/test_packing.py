"""The transport file: exact on arrival, smaller, refused when damaged or hostile."""

from __future__ import annotations

import hashlib
import tracemalloc
import zlib

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from models_registry.compression.fp16 import Fp16
from models_registry.compression.pack_file import HEADER, MAGIC, PackInvalid
from models_registry.compression.packing import Pack, pack, unpack
from models_registry.compression.quantization import Int8
from models_registry.compression.step import Context, StepFailed
from tests.models_registry.compression import nets
from tests.shared_data import SHARED, needs_shared_data


def forged(packed: bytes, **fields: int) -> bytes:
    """The file with other header fields and a checksum that fits its contents."""
    names = ["magic", "version", "reserved", "model", "sha256", "directory", "directory_packed"]
    names += ["skeleton", "skeleton_packed", "payload", "crc"]
    values = dict(zip(names, HEADER.unpack_from(packed), strict=True)) | fields
    values["crc"] = zlib.crc32(packed[HEADER.size :])
    return HEADER.pack(*values.values()) + packed[HEADER.size :]


def rebuilt(packed: bytes, directory: bytes, skeleton: bytes, **fields: int) -> bytes:
    """The file with another directory and skeleton, all sizes and the checksum in order."""
    *_, directory_packed, _, skeleton_packed, payload, _ = HEADER.unpack_from(packed)
    payloads = packed[HEADER.size + directory_packed + skeleton_packed :]
    parts = zlib.compress(directory), zlib.compress(skeleton)
    sizes = {
        "directory": len(directory),
        "directory_packed": len(parts[0]),
        "skeleton": len(skeleton),
        "skeleton_packed": len(parts[1]),
        "payload": payload,
    }
    return forged(packed[: HEADER.size] + b"".join(parts) + payloads, **(sizes | fields))


def opened(packed: bytes) -> tuple[bytes, bytes]:
    """Directory and skeleton of a file."""
    *_, first, _, second, _, _ = HEADER.unpack_from(packed)
    body = packed[HEADER.size :]
    return zlib.decompress(body[:first]), zlib.decompress(body[first : first + second])


@pytest.mark.parametrize(("bits", "sparsity"), [(8, 0.0), (5, 0.0), (4, 0.7), (1, 0.0), (3, 0.99)])
def test_the_clustered_model_comes_back_byte_for_byte(bits: int, sparsity: float) -> None:
    done = pack(nets.detector(), conv_bits=bits, sparsity=sparsity)

    assert unpack(done.packed) == done.model
    again = pack(nets.detector(), conv_bits=bits, sparsity=sparsity)
    assert (again.model, again.packed) == (done.model, done.packed)
    wide = nets.weights(onnx.load_from_string(done.model))["wide.w"]
    assert len(np.unique(wide)) <= max(2, 1 << bits)
    assert (wide == 0).mean() >= sparsity - 1e-3


def test_fewer_bits_and_more_zeros_make_smaller_files() -> None:
    sizes = [
        len(pack(nets.detector(), conv_bits=bits, sparsity=sparsity).packed)
        for bits, sparsity in ((8, 0.0), (6, 0.0), (4, 0.0), (4, 0.8), (4, 0.95))
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] * 5 < nets.detector().ByteSize()


def test_very_sparse_weights_are_stored_as_gaps() -> None:
    reports = {x.name: x for x in pack(nets.detector(), sparsity=0.97).tensors}
    wide = reports["wide.w"]
    assert wide.coding == "sparse"
    assert wide.zeros == pytest.approx(0.97, abs=0.001)
    assert wide.bits_per_weight < 1  # dense codes need a whole bit at least


def test_gaps_longer_than_255_are_bridged() -> None:
    model = nets.detector()
    wide = next(x for x in model.graph.initializer if x.name == "wide.w")
    values = np.zeros(wide.dims, np.float32)
    values.reshape(-1)[[0, 300, 301, 5000, 36_863]] = [1, 2, 3, 4, 5]
    wide.CopyFrom(numpy_helper.from_array(values, "wide.w"))

    done = pack(model, conv_bits=4)

    assert unpack(done.packed) == done.model
    kept = nets.weights(onnx.load_from_string(done.model))["wide.w"]
    np.testing.assert_array_equal(kept, values)


def partly_quantized() -> onnx.ModelProto:
    """Large layers both in int8 and in float; which suffer most depends on the processor."""
    for share in (0.17, 0.34, 0.5):
        step = Int8(drift_limit=0.001, max_float_share=share)
        model = step.apply(nets.detector(), Context(nets.pictures(4))).model
        large = {str(x.dtype) for x in nets.weights(model).values() if x.size >= 1024}
        if large == {"int8", "float32"}:
            return model
    raise AssertionError("expected large layers in int8 and in float")


def test_a_quantized_net_is_packed_without_loss_its_float_layers_too() -> None:
    quantized = partly_quantized()
    done = pack(quantized)
    before, after = nets.weights(quantized), nets.weights(onnx.load_from_string(done.model))
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)
    assert unpack(done.packed) == done.model


def test_half_precision_weights_are_clustered() -> None:
    half = Fp16(storage_only=True).apply(nets.detector(), Context()).model
    done = pack(half)
    assert unpack(done.packed) == done.model
    assert len(done.packed) < half.ByteSize()


def test_the_step_reports_what_it_did() -> None:
    model, told = nets.detector(), list[float]()
    context = Context(nets.pictures(2), lambda share, words: told.append(share))

    outcome = Pack(conv_bits=5).apply(model, context)

    assert outcome.packed is not None
    figures = outcome.figures
    assert unpack(outcome.packed) == outcome.model.SerializeToString(deterministic=True)
    assert hashlib.sha256(unpack(outcome.packed)).hexdigest() == figures["sha256"]
    assert figures["ratio"] == model.ByteSize() / len(outcome.packed) > 4
    assert 1 < figures["bits_per_weight"] < 6
    assert 0 < figures["drift"] < 0.2
    assert [x["name"] for x in figures["tensors"]] == [x.subject for x in outcome.changes]
    assert told == sorted(told)
    assert Pack(conv_bits=5).predict(model).size_bytes == pytest.approx(
        len(outcome.packed), rel=0.2
    )


def test_a_model_without_large_weights_is_refused() -> None:
    model = nets.detector()
    del model.graph.node[:-1]
    del model.graph.initializer[:-1]
    with pytest.raises(StepFailed) as refused:
        pack(model)
    assert refused.value.code == "graph_unsupported"


@pytest.mark.parametrize("wrong", [{"conv_bits": 0}, {"dense_bits": 9}, {"sparsity": 1.0}])
def test_parameters_are_checked_at_birth(wrong: dict[str, float]) -> None:
    with pytest.raises(StepFailed) as refused:
        Pack(**wrong)  # type: ignore[arg-type]
    assert refused.value.code == "parameters_invalid"


PACKED = pack(nets.detector(), conv_bits=3, sparsity=0.8).packed


def test_a_file_cut_anywhere_is_refused() -> None:
    for size in [*range(0, HEADER.size + 40), *range(HEADER.size + 40, len(PACKED), 97)]:
        with pytest.raises(PackInvalid) as refused:
            unpack(PACKED[:size])
        assert refused.value.code == ("not_packed" if size < 4 else "truncated")


def test_a_file_with_any_byte_changed_is_refused() -> None:
    for at in [*range(HEADER.size + 40), *range(HEADER.size + 40, len(PACKED), 97)]:
        changed = bytearray(PACKED)
        changed[at] ^= 0x55
        with pytest.raises(PackInvalid):
            unpack(bytes(changed))
    with pytest.raises(PackInvalid, match="checksum"):
        unpack(PACKED + b"\0")


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (b"", "not_packed"),
        (b"\x08\x07\x12\x04zoo:", "not_packed"),
        (MAGIC, "truncated"),
        (forged(PACKED, version=2), "version_unknown"),
        (forged(PACKED, model=1 << 50), "too_large"),
        (forged(PACKED, directory=1 << 50), "too_large"),
        (forged(PACKED, payload=1 << 50), "truncated"),
        (forged(PACKED, directory=1 << 20), "corrupt"),
        (forged(PACKED, skeleton=10), "corrupt"),
        (forged(PACKED, model=10), "corrupt"),
    ],
)
def test_headers_that_promise_too_much_are_refused(packed: bytes, code: str) -> None:
    with pytest.raises(PackInvalid) as refused:
        unpack(packed)
    assert refused.value.code == code


def test_no_change_of_the_directory_gives_another_model_though_the_checksum_fits() -> None:
    directory, skeleton = opened(PACKED)
    whole = unpack(PACKED)
    assert unpack(rebuilt(PACKED, directory, skeleton)) == whole
    places = range(0, len(directory), 5)
    outcomes = []
    for at in places:
        changed = bytearray(directory)
        changed[at] ^= 0xFF
        outcomes.append(unpacked_or_code(rebuilt(PACKED, bytes(changed), skeleton)))
    # The length of a code that no weight uses may change without harm.
    assert all(x in (whole, "corrupt") for x in outcomes)
    assert outcomes.count("corrupt") > 0.9 * len(places)


def unpacked_or_code(packed: bytes) -> bytes | str:
    try:
        return unpack(packed)
    except PackInvalid as error:
        return error.code


def test_small_files_cannot_ask_for_much_memory() -> None:
    zeros = 50_000_000
    bombs = [
        rebuilt(PACKED, opened(PACKED)[0], bytes(zeros)),  # deflates a thousand times smaller
        rebuilt(PACKED, bytes(zeros), b"", model=zeros),
        forged(PACKED, model=zeros, skeleton=zeros),
    ]
    for bomb in bombs:
        assert len(bomb) < 200_000
        tracemalloc.start()
        with pytest.raises(PackInvalid):
            unpack(bomb, max_bytes=10_000_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 25_000_000


@needs_shared_data
def test_yolox_nano_packs_more_than_three_times_smaller_and_comes_back_exactly() -> None:
    model = onnx.load(str(SHARED / "models" / "yolox_nano_416.onnx"))
    done = pack(model, conv_bits=8)
    assert unpack(done.packed) == done.model
    assert model.ByteSize() > 3 * len(done.packed)


def test_tensors_with_a_channel_that_sharing_would_crush_keep_their_weights() -> None:
    model = nets.detector()
    wide = next(x for x in model.graph.initializer if x.name == "wide.w")
    values = numpy_helper.to_array(wide).copy()
    values[0] *= 2000
    wide.CopyFrom(numpy_helper.from_array(values, "wide.w"))

    done = pack(model, conv_bits=4, max_error=0.4)

    assert {x.name: x.coding for x in done.tensors} == {"pointwise.w": "dense", "wide.w": "exact"}
    kept = nets.weights(onnx.load_from_string(done.model))["wide.w"]
    np.testing.assert_array_equal(kept, values)
    assert unpack(done.packed) == done.model
    assert {x.name: x.coding for x in pack(model, conv_bits=4).tensors}["wide.w"] == "dense"
