"""What flows through a model's inner tensors when it sees given inputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models_registry.compression.graph import Graph
from models_registry.compression.step import Feeds, StepFailed
from models_registry.runtime.errors import ModelUnusable
from models_registry.runtime.session import Session

Tensors = dict[str, NDArray[Any]]


def loaded(model: onnx.ModelProto, *, threads: int = 1) -> Session:
    """The model in ONNX Runtime. Raises ``StepFailed`` (``result_broken``)."""
    try:
        return Session(model.SerializeToString(), threads=threads)
    except ModelUnusable as error:
        raise StepFailed("result_broken", f"the changed model does not load: {error}") from error


def run(session: Session, feeds: Feeds) -> Tensors:
    """Outputs by name. Raises ``StepFailed`` (``result_broken``)."""
    try:
        values = session.run(dict(feeds))
    except ModelUnusable as error:
        raise StepFailed("result_broken", f"the model does not run: {error}") from error
    return {x.name: value for x, value in zip(session.outputs, values, strict=True)}


class Probe:
    """A model that hands out some of its inner tensors and computes no more than they need.

    ``given``: inner tensors that are fed instead of computed; ``types``: the model's element
    types, where the caller has them already.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        names: Sequence[str],
        *,
        given: Collection[str] = (),
        types: Mapping[str, int] | None = None,
    ) -> None:
        graph = Graph(model)
        types = graph.element_types() if types is None else types
        known = {*graph.inputs, *given}
        self._asked = list(dict.fromkeys(names))
        wanted = [x for x in self._asked if x not in known]
        del graph.proto.output[:]
        for name in wanted:
            graph.proto.output.append(_declared(name, types))
        for node in graph.proto.node:  # nodes that made a given tensor make one that nobody reads
            for at, name in enumerate(node.output):
                if name in given:
                    node.output[at] = f"{name}_not_computed"
        graph.proto.input.extend(_declared(x, types) for x in given if x not in graph.inputs)
        graph.refresh()
        graph.remove_unused()
        read = {x for node in graph.proto.node for x in node.input}
        inputs = [_copied_info(x) for x in graph.proto.input if x.name in read]
        del graph.proto.input[:]
        graph.proto.input.extend(inputs)
        self._inputs = [x.name for x in inputs]
        self._session = loaded(graph.model) if wanted else None

    def __call__(self, feeds: Feeds) -> Tensors:
        """The wanted tensors by name."""
        found = run(self._session, {x: feeds[x] for x in self._inputs}) if self._session else {}
        return {x: found[x] if x in found else feeds[x] for x in self._asked}


def _declared(name: str, types: Mapping[str, int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, types.get(name) or TensorProto.FLOAT, None)


def _copied_info(info: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    copy = onnx.ValueInfoProto()
    copy.CopyFrom(info)
    return copy
