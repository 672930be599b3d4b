"""How far a child's outputs lie from its parent's on the same inputs: agreement, not accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from models_registry.compression.capture import loaded, run
from models_registry.compression.step import Feeds, StepFailed

TINY = 1e-12


@dataclass(frozen=True, slots=True)
class OutputDrift:
    """One output over all inputs: ``relative`` is ‖child − parent‖ / ‖parent‖.

    All three are ``None`` where the number of rows differed: a list of found objects, say.
    """

    output: str
    relative: float | None
    max_abs: float | None
    cosine: float | None


@dataclass(frozen=True, slots=True)
class Drift:
    """All outputs over ``feeds`` inputs."""

    outputs: tuple[OutputDrift, ...]
    feeds: int

    @property
    def relative(self) -> float | None:
        """The worst output's; ``None`` where none can be compared."""
        known = [x.relative for x in self.outputs if x.relative is not None]
        return max(known, default=None)

    def as_json(self) -> dict[str, Any]:
        """For reports."""
        rows = [
            {"output": x.output, "relative": x.relative, "max_abs": x.max_abs, "cosine": x.cosine}
            for x in self.outputs
        ]
        return {"relative": self.relative, "feeds": self.feeds, "outputs": rows}


class Comparison:
    """Sums up differences run by run; no output is kept."""

    def __init__(self, names: Sequence[str]) -> None:
        self._sums = {name: np.zeros(4) for name in names}  # ‖d‖², ‖p‖², ‖c‖², p·c
        self._max = dict.fromkeys(names, 0.0)
        self._unequal = set[str]()
        self._feeds = 0

    def add(self, parent: dict[str, NDArray[Any]], child: dict[str, NDArray[Any]]) -> None:
        """One run of both. Raises ``StepFailed`` (``result_broken``) for values of the child that
        are no numbers where the parent has some."""
        self._feeds += 1
        for name in self._sums:
            old, new = (np.asarray(x[name], np.float64).ravel() for x in (parent, child))
            if parent[name].shape != child[name].shape:
                self._unequal.add(name)
                continue
            if not np.array_equal(np.isfinite(old), np.isfinite(new)):
                raise StepFailed("result_broken", f"output {name} is not finite any more")
            old, new = old[np.isfinite(old)], new[np.isfinite(new)]
            difference = new - old
            self._max[name] = max(self._max[name], float(np.abs(difference).max(initial=0.0)))
            self._sums[name] += (difference @ difference, old @ old, new @ new, old @ new)

    def result(self) -> Drift:
        """What was added so far."""
        return Drift(tuple(self._of(name) for name in self._sums), self._feeds)

    def _of(self, name: str) -> OutputDrift:
        if name in self._unequal:
            return OutputDrift(name, None, None, None)
        difference, old, new, both = self._sums[name]
        relative = float(np.sqrt(difference / max(old, TINY))) if difference else 0.0
        cosine = float(both / np.sqrt(old * new)) if old > 0 and new > 0 else float(old == new)
        return OutputDrift(name, relative, self._max[name], min(cosine, 1.0))


def measure_drift(
    parent: onnx.ModelProto, child: onnx.ModelProto, feeds: Iterable[Feeds], *, threads: int = 1
) -> Drift:
    """Both models over ``feeds``. Raises ``StepFailed`` (``result_broken``)."""
    sessions = loaded(parent, threads=threads), loaded(child, threads=threads)
    expected = sorted(x.name for x in sessions[0].outputs)
    got = sorted(x.name for x in sessions[1].outputs)
    if expected != got:
        raise StepFailed("result_broken", f"expected the outputs {expected}, got {got}")
    comparison = Comparison([x.name for x in sessions[0].outputs])
    for one in feeds:
        comparison.add(run(sessions[0], one), run(sessions[1], one))
    return comparison.result()
