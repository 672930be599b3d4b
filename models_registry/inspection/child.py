"""What runs in the sandbox: everything that touches an untrusted file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx

from models_registry.inspection.checks import check_graph
from models_registry.inspection.dry_run import run_once
from models_registry.inspection.facts import read_facts, warnings_about
from models_registry.inspection.macs import count_macs
from models_registry.inspection.package import read_package
from models_registry.inspection.reading import parse
from models_registry.inspection.rejection import ModelRejected
from models_registry.runtime.model_file import ModelFile, pixel_range

Progress = Callable[[float, str], None]


def inspect_file(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """The target of ``inspect``. ``request``: ``path``, ``folder`` to unpack to, ``max_bytes``,
    ``stated``. Answers with ``facts``, and ``rejected`` (code, message) if it is."""
    facts: dict[str, Any] = {}
    try:
        _inspect(request, progress, facts)
    except ModelRejected as error:
        return {"facts": facts, "rejected": [error.code, error.message]}
    return {"facts": facts}


def _inspect(request: dict[str, Any], progress: Progress, facts: dict[str, Any]) -> None:
    progress(0.02, "reading the file")
    package = read_package(Path(request["path"]), Path(request["folder"]), request["max_bytes"])
    facts |= {"unpacked": package.model != Path(request["path"]), "card": package.card}
    facts["stated"] = package.contract
    content = package.model.read_bytes()
    model = parse(content)
    progress(0.15, "checking the graph")
    check_graph(model)
    progress(0.3, "counting weights and operations")
    facts |= read_facts(model)
    facts["warnings"] = warnings_about(model)
    _check_inputs(model)
    file = ModelFile("model", content, pixel_range(model.graph))
    progress(0.5, "running it on a grey picture")
    stated = {**(package.contract or {}), **(request["stated"] or {})}
    try:
        found = run_once(file, stated, facts["operators"])
    except ModelRejected as error:
        _add(error.facts, facts, model)
        raise
    _add(found, facts, model)
    progress(1.0, "inspected")


def _add(found: dict[str, Any], facts: dict[str, Any], model: onnx.ModelProto) -> None:
    shapes = found.pop("input_shapes", {})
    warnings = [*facts["warnings"], *found.pop("warnings", [])]
    facts |= {**found, "warnings": warnings}
    if facts["macs"] is None and shapes:  # open sides are settled only now
        facts["macs"] = count_macs(model, shapes)


def _check_inputs(model: onnx.ModelProto) -> None:
    """Text and sequences are told in words of their own; the runtime's would not help."""
    stored = {x.name for x in model.graph.initializer}
    for value in model.graph.input:
        kind = value.type.tensor_type
        text = kind.elem_type == onnx.TensorProto.STRING
        if value.name not in stored and (text or not value.type.HasField("tensor_type")):
            raise ModelRejected(
                "not_image_input",
                "expected one picture (1, 3, height, width) or (1, height, width, 3) of numbers,"
                f" got {value.name[:80]!r} of {'text' if text else 'no plain tensor'}",
            )
