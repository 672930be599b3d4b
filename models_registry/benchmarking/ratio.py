"""Two models in turn in one process: on a busy machine only their ratio can be trusted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models_registry.benchmarking.loading import Loaded, Stated, inference, load
from models_registry.benchmarking.machine import Machine, machine
from models_registry.benchmarking.stills import Frame

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median over rounds, and what 80 % of the rounds lie between."""

    median: float
    p10: float
    p90: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """Candidate ÷ base, below 1 is faster. By the clock, and in processor time of all threads.

    ``certain``: at least 90 % of the rounds agree which one is faster.
    """

    machine: Machine
    threads: int
    rounds: int
    frames_per_round: int
    end_to_end: Spread
    inference: Spread
    cpu: Spread
    base_inference_ms: float
    candidate_inference_ms: float
    certain: bool


@dataclass(frozen=True, slots=True)
class _Block:
    whole_s: float
    inference_s: float
    cpu_s: float


def measure_ratio(
    base: tuple[Path, Stated],
    candidate: tuple[Path, Stated],
    stills: Sequence[Frame],
    *,
    threads: int = 1,
    rounds: int = 25,
    frames_per_round: int = 4,
    seconds: float = 60.0,
    progress: Progress = lambda share, words: None,
) -> Ratio:
    """Blocks of the same frames, now one model first, now the other; at least three rounds.

    Raises ``ModelUnusable``.
    """
    models = [load(*base, threads), load(*candidate, threads)]
    for model in models:
        _block(model, stills[:2])  # warm-up
    pairs: list[list[_Block]] = []
    begun_s = time.perf_counter()
    while len(pairs) < 3 or (len(pairs) < rounds and time.perf_counter() - begun_s < seconds):
        start = len(pairs) * frames_per_round
        frames = [stills[(start + i) % len(stills)] for i in range(frames_per_round)]
        order = (0, 1) if len(pairs) % 2 == 0 else (1, 0)
        blocks = {which: _block(models[which], frames) for which in order}
        pairs.append([blocks[0], blocks[1]])
        progress(min(len(pairs) / rounds, 1.0), f"round {len(pairs)} of at most {rounds}")
    alone = np.array([[x.inference_s for x in pair] for pair in pairs])
    return Ratio(
        machine=machine(),
        threads=threads,
        rounds=len(pairs),
        frames_per_round=frames_per_round,
        end_to_end=_spread([after.whole_s / before.whole_s for before, after in pairs]),
        inference=_spread(list(alone[:, 1] / alone[:, 0])),
        cpu=_spread([after.cpu_s / max(before.cpu_s, 1e-9) for before, after in pairs]),
        base_inference_ms=float(np.median(alone[:, 0])) * 1e3,
        candidate_inference_ms=float(np.median(alone[:, 1])) * 1e3,
        certain=rounds_agree(list(alone[:, 1] / alone[:, 0])),
    )


def rounds_agree(ratios: Sequence[float]) -> bool:
    """Whether at least 90 % lie on one side of 1."""
    values = np.asarray(ratios)
    return bool(max(np.mean(values < 1), np.mean(values > 1)) >= 0.9)


def _block(model: Loaded, frames: Sequence[Frame]) -> _Block:
    """Seconds per frame."""
    alone = [inference(model, frame) for frame in frames]
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    for frame in frames:
        model.detector.detect(frame, 0.0)
    whole_s, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    started_s = time.perf_counter()
    for run in alone:
        run()
    inferred_s = time.perf_counter() - started_s
    count = len(frames)
    return _Block(whole_s / count, inferred_s / count, cpu_s / count)


def _spread(values: list[float]) -> Spread:
    p10, median, p90 = (float(x) for x in np.percentile(values, [10, 50, 90]))
    return Spread(median, p10, p90)
