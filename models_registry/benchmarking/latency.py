"""How long a detector takes on this machine, and what memory and processor time that costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from models_registry.benchmarking.batches import Batch, measure_batch
from models_registry.benchmarking.loading import Inference, Loaded, Stated, inference, load
from models_registry.benchmarking.machine import Machine, machine, memory, reset_peak
from models_registry.benchmarking.percentiles import Times, times
from models_registry.benchmarking.stills import Frame

Progress = Callable[[float, str], None]
ENOUGH_FRAMES = 3  # measured even where the time is up: slow models have a latency too


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured per thread count: ``frames``, or fewer if ``seconds`` pass first."""

    frames: int = 200
    warm_up_frames: int = 5
    seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Of this process in bytes; None where the system does not tell.

    ``baseline_bytes``: resident with all libraries and pictures, before the model. ``peak_bytes``:
    the highest since, that is while loading or running. ``running_bytes``: resident after.
    ``peak_is_exact`` False: it may be older than the model, since the peak could not be reset.
    """

    baseline_bytes: int | None
    peak_bytes: int | None
    running_bytes: int | None
    model_peak_bytes: int | None
    model_running_bytes: int | None
    peak_is_exact: bool


@dataclass(frozen=True, slots=True)
class Run:
    """One thread count, one frame at a time.

    ``end_to_end`` is a camera's frame to its boxes, ``inference`` the model alone, both by the
    clock; ``cpu_ms_per_frame`` is the processor time of all threads, end to end. ``waited_share``:
    of the clock time none of the threads worked, since others had the processor; above a tenth the
    times say more about the machine's other work than about the model.
    """

    threads: int
    load_ms: float
    first_frame_ms: float
    warm_up_frames: int
    end_to_end: Times
    inference: Times
    cpu_ms_per_frame: float
    frames_per_s: float
    waited_share: float
    cut_short: bool


@dataclass(frozen=True, slots=True)
class Latency:
    """All of one model; ``memory`` is that of the first thread count."""

    machine: Machine
    model_bytes: int
    layout: str
    input_width_px: int
    input_height_px: int
    stills: int
    still_sizes_px: tuple[tuple[int, int], ...]
    memory: MemoryUse
    runs: tuple[Run, ...]
    batches: tuple[Batch, ...]


def measure_latency(
    path: Path,
    contract: Stated,
    stills: Sequence[Frame],
    *,
    threads: Sequence[int] = (1,),
    batch_sizes: Sequence[int] = (1,),
    effort: Effort | None = None,
    progress: Progress = lambda share, words: None,
) -> Latency:
    """Times the model at ``path`` on ``stills`` (BGR, at least one), in turn.

    A batch above 1 is measured only where the graph takes it; where not, its entry says why. Raises
    ``ModelUnusable``, and ``ValueError`` without a thread count.
    """
    effort = effort or Effort()
    facts = machine()
    exact = reset_peak()
    before = memory()
    peak_before = before.peak_bytes or 0
    exact = exact or peak_before <= (before.resident_bytes or 0) * 1.01
    steps = len(threads) * (1 + sum(size > 1 for size in batch_sizes))
    runs: list[Run] = []
    batches: list[Batch] = []
    use: MemoryUse | None = None
    loaded: Loaded | None = None
    for count in threads:
        loaded = None  # the former session goes before the next one comes
        loaded = load(path, contract, count)
        done = len(runs) + len(batches)

        def report(share: float, words: str, done: int = done) -> None:
            progress((done + share) / steps, words)

        runs.append(_run(loaded, stills, count, effort, report))
        if use is None:
            use = _use(before.resident_bytes, exact)
        for size in (x for x in batch_sizes if x > 1):
            batches.append(
                measure_batch(
                    loaded, stills, count, size, frames=effort.frames, seconds=effort.seconds
                )
            )
            progress((len(runs) + len(batches)) / steps, f"batch {size} measured")
    if loaded is None or use is None:
        raise ValueError("expected at least one thread count, got none")
    chosen = loaded.detector.contract
    return Latency(
        machine=facts,
        model_bytes=path.stat().st_size,
        layout=chosen.layout,
        input_width_px=chosen.input_width,
        input_height_px=chosen.input_height,
        stills=len(stills),
        still_sizes_px=tuple(dict.fromkeys((x.shape[1], x.shape[0]) for x in stills)),
        memory=use,
        runs=tuple(runs),
        batches=tuple(batches),
    )


def _run(
    loaded: Loaded, stills: Sequence[Frame], threads: int, effort: Effort, report: Progress
) -> Run:
    alone = [inference(loaded, still) for still in stills[:8]]
    started_s = time.perf_counter()
    loaded.detector.detect(stills[0], 0.0)
    first_ms = (time.perf_counter() - started_s) * 1e3
    for index in range(effort.warm_up_frames):
        _one(loaded, stills, alone, index)
    whole_ms: list[float] = []
    inferred_ms: list[float] = []
    cpu_ms: list[float] = []
    begun_s = time.perf_counter()
    late = False
    while len(whole_ms) < effort.frames and not late:
        whole, cpu, inferred = _one(loaded, stills, alone, len(whole_ms))
        whole_ms.append(whole)
        cpu_ms.append(cpu)
        inferred_ms.append(inferred)
        passed_s = time.perf_counter() - begun_s
        late = passed_s > effort.seconds and len(whole_ms) >= ENOUGH_FRAMES
        share = max(len(whole_ms) / effort.frames, min(passed_s / effort.seconds, 0.99))
        report(min(share, 1.0), f"{threads} threads: {len(whole_ms)} frames")
    return Run(
        threads=threads,
        load_ms=loaded.load_s * 1e3,
        first_frame_ms=first_ms,
        warm_up_frames=effort.warm_up_frames,
        end_to_end=times(whole_ms),
        inference=times(inferred_ms),
        cpu_ms_per_frame=sum(cpu_ms) / len(cpu_ms),
        frames_per_s=1e3 * len(whole_ms) / sum(whole_ms),
        waited_share=max(0.0, 1 - sum(cpu_ms) / sum(whole_ms)),
        cut_short=len(whole_ms) < effort.frames,
    )


def _one(
    loaded: Loaded, stills: Sequence[Frame], alone: Sequence[Inference], index: int
) -> tuple[float, float, float]:
    """Milliseconds end to end by the clock and by the processor, and of inference alone.

    One after the other, so that a busy moment of the machine hits both.
    """
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    loaded.detector.detect(stills[index % len(stills)], 0.0)
    whole_s, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    model = alone[index % len(alone)]
    started_s = time.perf_counter()
    model()
    return whole_s * 1e3, cpu_s * 1e3, (time.perf_counter() - started_s) * 1e3


def _use(baseline_bytes: int | None, exact: bool) -> MemoryUse:
    now = memory()
    return MemoryUse(
        baseline_bytes=baseline_bytes,
        peak_bytes=now.peak_bytes,
        running_bytes=now.resident_bytes,
        model_peak_bytes=_more(now.peak_bytes, baseline_bytes),
        model_running_bytes=_more(now.resident_bytes, baseline_bytes),
        peak_is_exact=exact,
    )


def _more(value: int | None, than: int | None) -> int | None:
    return None if value is None or than is None else max(value - than, 0)
