"""How long a model computes beside another, on a machine that does other things as well."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import onnx

from models_registry.compression.capture import loaded, run
from models_registry.compression.step import Feeds
from models_registry.runtime.session import Session

ROUNDS, LEAST_S = 15, 0.02


def cpu_time_ratio(parent: onnx.ModelProto, child: onnx.ModelProto, feeds: Sequence[Feeds]) -> str:
    """Child ÷ parent: median (10th–90th percentile) of rounds in which both compute in turn on one
    thread. Counted is the processor's time of that thread, which is the latency on an idle core and
    does not depend on who else wants the core."""
    sessions = [loaded(x, threads=1) for x in (parent, child)]
    for session in sessions:
        run(session, feeds[0])
    counts = [max(1, round(LEAST_S / max(_taken_s(x, feeds, 1), 1e-6))) for x in sessions]
    ratios = []
    for turn in range(ROUNDS):
        taken = [0.0, 0.0]
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            taken[which] = _taken_s(sessions[which], feeds, counts[which])
        ratios.append(taken[1] / taken[0])
    low, middle, high = np.percentile(ratios, [10, 50, 90])
    return f"{middle:.3f} ({low:.3f}–{high:.3f})"


def _taken_s(session: Session, feeds: Sequence[Feeds], count: int) -> float:
    """Of one run."""
    began_s = time.thread_time()
    for at in range(count):
        run(session, feeds[at % len(feeds)])
    return (time.thread_time() - began_s) / count
