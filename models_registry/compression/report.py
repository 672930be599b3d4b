"""What a step of a recipe did: size, work, speed and drift beside its parent, good and bad."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx

from models_registry.compression.capture import loaded, run
from models_registry.compression.drift import Drift
from models_registry.compression.step import Change, Feeds

Status = Literal["done", "nothing_to_do", "failed"]
ROUNDS = 15
MOST_SECONDS = 20.0
AGREE = 0.9  # share of rounds that must agree before a model is called slower or faster
LARGE_DRIFT = 0.2
MOST_CHANGES = 500


@dataclass(frozen=True, slots=True)
class LatencyRatio:
    """Child ÷ parent, below 1 is faster; 80 % of the rounds lie between ``p10`` and ``p90``.

    ``certain``: at least 90 % of the rounds agree which of the two is faster.
    """

    median: float
    p10: float
    p90: float
    certain: bool
    rounds: int
    threads: int
    parent_ms: float
    child_ms: float

    def as_json(self) -> dict[str, Any]:
        """For reports."""
        return {name: getattr(self, name) for name in self.__slots__}


def measure_latency_ratio(
    parent: onnx.ModelProto,
    child: onnx.ModelProto,
    feeds: Sequence[Feeds],
    *,
    threads: int = 1,
    rounds: int = ROUNDS,
) -> LatencyRatio:
    """Both models in turn in one process: on a busy machine only their ratio can be trusted.

    Takes at most ``MOST_SECONDS`` after three rounds. Raises ``StepFailed`` (``result_broken``).
    """
    sessions = loaded(parent, threads=threads), loaded(child, threads=threads)
    for session in sessions:
        run(session, feeds[0])  # warm-up
    times: list[tuple[float, float]] = []
    begun_s = time.perf_counter()
    while len(times) < 3 or (len(times) < rounds and time.perf_counter() - begun_s < MOST_SECONDS):
        taken = [0.0, 0.0]
        turn = len(times)
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            started_s = time.perf_counter()
            run(sessions[which], feeds[turn % len(feeds)])
            run(sessions[which], feeds[(turn + 1) % len(feeds)])
            taken[which] = (time.perf_counter() - started_s) / 2
        times.append((taken[0], taken[1]))
    old, new = np.array(times).T
    ratios = new / old
    p10, median, p90 = (float(x) for x in np.percentile(ratios, [10, 50, 90]))
    certain = bool(max(np.mean(ratios < 1), np.mean(ratios > 1)) >= AGREE)
    return LatencyRatio(
        median=median,
        p10=p10,
        p90=p90,
        certain=certain,
        rounds=len(times),
        threads=threads,
        parent_ms=float(np.median(old)) * 1e3,
        child_ms=float(np.median(new)) * 1e3,
    )


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step of a recipe on one parent.

    ``model`` is the child's file, ``None`` unless ``status`` is done; then ``code`` and
    ``message`` say why. ``drift`` is against the parent, ``drift_from_start`` against the model
    that the recipe began with; both on calibration inputs, or on noise where ``on_noise``.
    """

    kind: str
    title: str
    parameters: Mapping[str, Any]
    status: Status
    size_bytes_before: int
    code: str = ""
    message: str = ""
    model: bytes | None = None
    packed: bytes | None = None
    macs_before: int | None = None
    macs: int | None = None
    drift: Drift | None = None
    drift_from_start: Drift | None = None
    on_noise: bool = False
    latency: LatencyRatio | None = None
    changes: tuple[Change, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    duration_s: float = 0.0

    @property
    def size_bytes(self) -> int | None:
        """Of the child's file."""
        return None if self.model is None else len(self.model)

    @property
    def worse(self) -> tuple[str, ...]:
        """In words, what got worse: never hidden, whatever else got better."""
        found = []
        size = self.size_bytes
        if size is not None and size > self.size_bytes_before:
            found.append(f"larger: {size} bytes, its parent has {self.size_bytes_before}")
        if self.packed is not None and size is not None and len(self.packed) >= size:
            found.append(f"the packed file has {len(self.packed)} bytes, the model {size}")
        if self.macs is not None and self.macs_before is not None and self.macs > self.macs_before:
            found.append(f"more work: {self.macs} multiply-accumulates, before {self.macs_before}")
        if self.latency is not None and self.latency.certain and self.latency.median > 1:
            found.append(f"slower: takes {self.latency.median:.2f} × its parent's time")
        drift = self.drift.relative if self.drift is not None else None
        if drift is not None and drift > LARGE_DRIFT:
            found.append(f"its outputs drift by {drift:.0%} of their size")
        return tuple(found)

    def as_json(self) -> dict[str, Any]:
        """Everything but the files."""
        return {
            "kind": self.kind,
            "title": self.title,
            "parameters": dict(self.parameters),
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "size_bytes_before": self.size_bytes_before,
            "size_bytes": self.size_bytes,
            "packed_size_bytes": None if self.packed is None else len(self.packed),
            "macs_before": self.macs_before,
            "macs": self.macs,
            "drift": self.drift.as_json() if self.drift else None,
            "drift_from_start": self.drift_from_start.as_json() if self.drift_from_start else None,
            "on_noise": self.on_noise,
            "latency": self.latency.as_json() if self.latency else None,
            "worse": list(self.worse),
            "changes": [
                {"subject": x.subject, "action": x.action, "detail": x.detail}
                for x in self.changes[:MOST_CHANGES]
            ],
            "changes_left_out": max(len(self.changes) - MOST_CHANGES, 0),
            "figures": dict(self.figures),
            "duration_s": self.duration_s,
        }
