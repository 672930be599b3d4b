"""Whether the nodes of a graph fit together: each value is made once, none waits for itself."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from models_registry.inspection.rejection import ModelRejected
from models_registry.inspection.shapes import branches_of


def check_wiring(model: onnx.ModelProto) -> None:
    """Raises ``ModelRejected`` (``not_loadable``)."""
    graph = model.graph
    given = {x.name for x in graph.input} | {x.name for x in graph.initializer}
    given |= {x.values.name for x in graph.sparse_initializer}
    makers: dict[str, int] = {}
    for index, node in enumerate(graph.node):
        for name in filter(None, node.output):
            if name in given or name in makers:
                raise _broken(f"the value {name[:80]!r} is made twice")
            makers[name] = index
    needs: list[set[int]] = []
    for node in graph.node:
        names = set(_used(node))
        missing = sorted(names - given - makers.keys())
        if missing:
            raise _broken(f"{node.op_type} uses {missing[0][:80]!r}, which nothing makes")
        needs.append({makers[x] for x in names if x in makers})
    if waiting := _waiting_in_a_circle(needs):
        raise _broken(f"{waiting} nodes wait for each other in a circle")


def _waiting_in_a_circle(needs: list[set[int]]) -> int:
    users: dict[int, list[int]] = {}
    for index, needed in enumerate(needs):
        for other in needed:
            users.setdefault(other, []).append(index)
    ready = [index for index, needed in enumerate(needs) if not needed]
    done = 0
    while ready:
        done += 1
        for user in users.get(index := ready.pop(), ()):
            needs[user].discard(index)
            if not needs[user]:
                ready.append(user)
    return len(needs) - done


def _used(node: onnx.NodeProto) -> Iterator[str]:
    """Names that it reads, those that its branches take from outside among them."""
    yield from filter(None, node.input)
    for graph in branches_of(node):
        own = {x.name for x in (*graph.input, *graph.initializer)}
        own |= {name for inner in graph.node for name in inner.output}
        for inner in graph.node:
            yield from (x for x in _used(inner) if x not in own)


def _broken(what: str) -> ModelRejected:
    return ModelRejected("not_loadable", f"{what}; the file is damaged, export the model anew")
