"""Bytes into a parsed graph; what cannot be one is told apart before it costs memory."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from models_registry.inspection.rejection import ModelRejected

TEXT_BYTES = 4 * 1024 * 1024
# Field numbers of an ONNX ModelProto and their wire types: 0 a number, 2 a length and content.
_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_TEXTS = {2: "producer_name", 3: "producer_version", 4: "domain", 6: "doc_string"}
_GRAPH = 7
_OTHER_FORMATS = (
    (0, b"\x89HDF", "a Keras or HDF5 file"),
    (4, b"TFL3", "a TensorFlow Lite file"),
    (4, b"ORTM", "ONNX Runtime's own format"),
    (0, b"\x80\x02", "a Python pickle, such as an old PyTorch checkpoint"),
    (0, b"\x80\x04", "a Python pickle"),
    (0, b"GGUF", "a GGUF file"),
    (0, b"7767517", "an ncnn parameter file"),
    (0, b"<?xml", "an XML file, such as OpenVINO's"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\x1f\x8b", "a gzip file"),
    (0, b"{", "a text file"),
)


def parse(content: bytes) -> onnx.ModelProto:
    """Raises ``ModelRejected``: ``not_onnx``, ``truncated``, ``too_large``."""
    for offset, magic, name in _OTHER_FORMATS:
        if content[offset : offset + len(magic)] == magic:
            raise ModelRejected(
                "not_onnx", f"expected an ONNX file, got {name}; export the model to ONNX first"
            )
    _walk(content)
    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise ModelRejected(
            "not_onnx",
            "expected an ONNX file, its content does not parse: it is damaged, or branches are"
            " nested too deeply; export it anew",
        ) from error
    if not model.graph.node or not model.graph.output:
        raise ModelRejected(
            "not_onnx",
            f"expected an ONNX graph with nodes and outputs, got {len(model.graph.node)} nodes and"
            f" {len(model.graph.output)} outputs; export the model anew",
        )
    return model


def _walk(content: bytes) -> None:
    """Goes over the outermost fields only, so that a broken file costs nothing."""
    seen: set[int] = set()
    for field, start, length in _fields(content, seen):
        if start + length > len(content):
            raise ModelRejected(
                "truncated",
                f"expected {start + length - len(content)} bytes more, the file ends after"
                f" {len(content)}; upload it anew",
            )
        if field in _TEXTS and length > TEXT_BYTES:
            raise ModelRejected(
                "too_large",
                f"{_TEXTS[field]}: expected at most {TEXT_BYTES} bytes of text, got {length};"
                " export the model without it",
            )
    if _GRAPH not in seen:
        raise ModelRejected("not_onnx", "expected an ONNX file, no graph is in it")


def _fields(content: bytes, seen: set[int]) -> Iterator[tuple[int, int, int]]:
    """(number, start, length) of each outermost field; ``seen`` collects the numbers."""
    at = 0
    while at < len(content):
        tag, at = _number(content, at, bool(seen))
        field, kind = tag >> 3, tag & 7
        if _FIELDS.get(field) != kind:
            raise ModelRejected(
                "not_onnx",
                "expected an ONNX file, its bytes are not one; export the model to ONNX and upload"
                " that file",
            )
        length, at = _number(content, at, bool(seen))
        seen.add(field)
        if kind == 2:
            yield field, at, length
            at += length


def _number(content: bytes, at: int, begun: bool) -> tuple[int, int]:
    """A protobuf varint and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(content):
            code = "truncated" if begun else "not_onnx"
            raise ModelRejected(code, "expected an ONNX file, it ends too early; upload it anew")
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ModelRejected("not_onnx", "expected an ONNX file, its bytes are not one")
