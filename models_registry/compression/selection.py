"""Chooses filters to remove: always the ones that cost least for the work that they save."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models_registry.compression.channel_groups import Analysis, FilterGroup
from models_registry.compression.channels import AtomArray
from models_registry.compression.importance import Costs


@dataclass(frozen=True, slots=True)
class Proposal:
    """Atoms of one group that could go next, and at what cost."""

    roots: tuple[int, ...]
    cost: float


class Work:
    """Multiply-accumulates of the layers as channels go."""

    def __init__(self, analysis: Analysis) -> None:
        self._base = analysis.macs
        self._writes: dict[str, list[int]] = {}
        self._reads: dict[str, list[int]] = {}
        self._in: dict[int, Counter[tuple[str, bool]]] = defaultdict(Counter)
        for layer in analysis.trace.layers:
            self._writes[layer.node] = [len(layer.writes)] * 2
            for root in analysis.roots(layer.writes).tolist():
                self._in[root][layer.node, True] += 1
            if layer.mixes and layer.reads is not None:
                self._reads[layer.node] = [len(layer.reads)] * 2
                for root in analysis.roots(layer.reads).tolist():
                    self._in[root][layer.node, False] += 1

    @property
    def total(self) -> float:
        """Of all layers now."""
        return sum(self._now(x) for x in self._base)

    def saved(self, roots: tuple[int, ...]) -> float:
        """What the removal of ``roots`` would save now."""
        layers = {node for root in roots for node, _ in self._in[root]}
        before = sum(self._now(x) for x in layers)
        self._shift(roots, -1)
        after = sum(self._now(x) for x in layers)
        self._shift(roots, 1)
        return before - after

    def remove(self, roots: tuple[int, ...]) -> None:
        """Takes them out."""
        self._shift(roots, -1)

    def _shift(self, roots: tuple[int, ...], sign: int) -> None:
        for root in roots:
            for (node, writes), count in self._in[root].items():
                (self._writes if writes else self._reads)[node][1] += sign * count

    def _now(self, node: str) -> float:
        full, left = self._writes[node]
        macs = self._base[node] * left / full
        if node in self._reads:
            full, left = self._reads[node]
            macs *= left / full
        return macs


class Selection:
    """``floor``: share of a group's filters, and of any run of channels, that stays at least.
    ``multiple``: filters left in a group are a multiple of it, which suits vector units.
    ``factors``: how much a group's cost weighs at the model's outputs.
    """

    def __init__(
        self,
        analysis: Analysis,
        costs: Costs,
        *,
        floor: float,
        multiple: int,
        factors: Mapping[str, float] | None = None,
    ) -> None:
        self.work = Work(analysis)
        self.removed: dict[str, list[int]] = defaultdict(list)
        self.costs = costs
        self._groups = {x.name: x for x in analysis.groups if len(x.free)}
        self._multiple, self._floor = multiple, floor
        self._factors = factors or {}
        self._parts = [Counter(x.tolist()) for x in analysis.parts()]
        self._room = [sum(x.values()) - max(1, int(np.ceil(floor * sum(x.values()))))
                      for x in self._parts]  # fmt: skip
        self._in_parts: dict[int, list[int]] = defaultdict(list)
        for at, part in enumerate(self._parts):
            for root in part:
                self._in_parts[root].append(at)
        self._proposals: dict[str, Proposal | None] = {}
        self._reads = {
            name: frozenset(x for root in group.free.tolist() for x in costs.touched(root))
            for name, group in self._groups.items()
        }

    def proposal(self, name: str) -> Proposal | None:
        """The next atoms of a group; ``None`` if it may lose no more."""
        if name not in self._proposals:
            self._proposals[name] = self._propose(self._groups[name])
        return self._proposals[name]

    def names(self) -> list[str]:
        """Groups that may lose filters."""
        return list(self._groups)

    def run(self, target_macs: float) -> None:
        """Removes until the work is at most ``target_macs`` or nothing more may go."""
        while self.work.total > target_macs and self.remove_next():
            pass

    def remove_next(self) -> bool:
        """One group's next atoms; False when no group has any."""
        best, best_price = None, np.inf
        for name in self._groups:
            found = self.proposal(name)
            gain = self.work.saved(found.roots) if found else 0.0
            if found is None or gain <= 0:
                continue
            price = found.cost * self._factors.get(name, 1.0) / gain
            if price < best_price:
                best, best_price = name, price
        if best is None:
            return False
        self._take(best)
        return True

    def all_removed(self) -> AtomArray:
        """Of all groups."""
        return np.array([x for roots in self.removed.values() for x in roots], np.int64)

    def _take(self, name: str) -> None:
        taken = self._proposals[name]
        assert taken is not None
        touched: set[str] = set()
        for root in taken.roots:
            touched |= self.costs.touched(root)
            self.costs.remove(root)
            self._occupy(root)
        self.work.remove(taken.roots)
        self.removed[name].extend(taken.roots)
        for other, reads in self._reads.items():
            if other == name or reads & touched:
                self._proposals.pop(other, None)
        # Parts may be shared with groups that have no reader in common.
        for other, found in list(self._proposals.items()):
            if found is not None and not self._all_fit(found.roots):
                del self._proposals[other]

    def _propose(self, group: FilterGroup) -> Proposal | None:
        gone = self.removed[group.name]
        left = group.channels - len(gone) * group.per_atom
        over = left % self._multiple or self._multiple
        count = -(-over // group.per_atom)
        if left - count * group.per_atom < max(self._floor * group.channels, 1):
            return None
        candidates = [x for x in group.free.tolist() if x not in set(gone)]
        trial = self.costs.copy(np.array(candidates, np.int64))
        chosen: list[int] = []
        used: Counter[int] = Counter()
        cost = 0.0
        for _ in range(count):
            open_ = [x for x in candidates if self._fits(x, used)]
            if not open_:
                return None
            root = open_[int(np.argmin(trial.each(np.array(open_, np.int64))))]
            cost += trial.remove(root)
            used.update({at: self._parts[at][root] for at in self._in_parts[root]})
            chosen.append(root)
            candidates.remove(root)
        return Proposal(tuple(chosen), cost)

    def _fits(self, root: int, used: Counter[int]) -> bool:
        """Whether no run of channels becomes too short; ``used``: what goes at the same time."""
        return all(
            used[at] + self._parts[at][root] <= self._room[at] for at in self._in_parts[root]
        )

    def _all_fit(self, roots: tuple[int, ...]) -> bool:
        used: Counter[int] = Counter()
        for root in roots:
            used.update({at: self._parts[at][root] for at in self._in_parts[root]})
        return all(count <= self._room[at] for at, count in used.items())

    def _occupy(self, root: int) -> None:
        for at in self._in_parts[root]:
            self._room[at] -= self._parts[at][root]
