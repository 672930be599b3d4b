"""Several frames in one run of the model, where its graph allows that."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_registry.benchmarking.loading import Loaded
from models_registry.benchmarking.percentiles import Times, times
from models_registry.benchmarking.stills import Frame
from models_registry.runtime.errors import ModelUnusable


@dataclass(frozen=True, slots=True)
class Batch:
    """Inference alone on ``batch_size`` frames at once; times are per batch.

    ``refused`` says why the graph does not take it; the figures are None then.
    """

    threads: int
    batch_size: int
    refused: str = ""
    inference: Times | None = None
    cpu_ms_per_frame: float | None = None
    frames_per_s: float | None = None


def measure_batch(
    loaded: Loaded,
    stills: Sequence[Frame],
    threads: int,
    batch_size: int,
    *,
    frames: int,
    seconds: float,
) -> Batch:
    """At least three batches, until ``frames`` or ``seconds`` are reached."""
    feeds = stack(loaded, stills, batch_size)
    if why := refusal(loaded, feeds, batch_size):
        return Batch(threads, batch_size, why)
    taken_ms: list[float] = []
    begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
    while len(taken_ms) < 3 or (
        len(taken_ms) * batch_size < frames and time.perf_counter() - begun_s < seconds
    ):
        started_s = time.perf_counter()
        loaded.session.run(feeds)
        taken_ms.append((time.perf_counter() - started_s) * 1e3)
    cpu_s = time.process_time() - begun_cpu_s
    count = len(taken_ms) * batch_size
    return Batch(
        threads,
        batch_size,
        inference=times(taken_ms),
        cpu_ms_per_frame=cpu_s * 1e3 / count,
        frames_per_s=1e3 * count / sum(taken_ms),
    )


def stack(loaded: Loaded, stills: Sequence[Frame], batch_size: int) -> dict[str, NDArray[Any]]:
    """The session's inputs for ``batch_size`` stills, taken in turn."""
    each = [loaded.prepare(stills[at % len(stills)]) for at in range(batch_size)]
    return {name: np.concatenate([feeds[name] for feeds in each]) for name in each[0]}


def refusal(loaded: Loaded, feeds: dict[str, NDArray[Any]], batch_size: int) -> str:
    """Why the graph does not take ``batch_size`` pictures at once; empty if it does."""
    picture = next(
        x for x in loaded.session.inputs if x.name == loaded.detector.contract.input_name
    )
    if picture.shape[0] is not None:
        return f"the graph's batch size is fixed at {picture.shape[0]}"
    try:
        outputs = loaded.session.run(feeds)
        # A first run may set up memory; it also warms up.
        one = loaded.session.run({name: values[:1] for name, values in feeds.items()})
    except ModelUnusable as error:
        return f"the graph leaves its batch size open but fails on {batch_size}: {error.message}"
    for many, single in zip(outputs, one, strict=True):
        if not many.ndim or not single.ndim or len(many) != len(single) * batch_size:
            return (
                f"the graph takes {batch_size} pictures but does not answer for each: an output"
                f" of shape {single.shape} for one is {many.shape} for {batch_size}"
            )
    return ""
