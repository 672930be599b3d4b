"""What the layouts with one row per prediction share: x, y, w, h, objectness, class scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.decode.layout import Probe
from models_registry.runtime.detections import FloatArray, IntArray


def rows_shape(probe: Probe, least_columns: int) -> tuple[int, ...] | None:
    """The shape (1, N, columns) of the only output, ``None`` when there is no such output."""
    output = probe.only()
    if output is None or output.ndim != 3 or output.dtype.kind != "f" or output.shape[0] != 1:
        return None
    return output.shape if output.shape[2] >= least_columns else None


def candidate_rows(
    rows: NDArray[Any], threshold: np.float32
) -> tuple[NDArray[np.intp], FloatArray, FloatArray, IntArray]:
    """From (N, 5 + C) those whose objectness times best class reaches ``threshold``.

    Returns their indices, rows, confidences and classes. Objectness alone bounds the product,
    so that the class scores are only read of the few rows that can still make it.
    """
    picked = np.flatnonzero(rows[:, 4] >= threshold)
    chosen: FloatArray = rows[picked].astype(np.float32, copy=False)
    scores = chosen[:, 5:]
    class_id = scores.argmax(axis=1)
    confidence = chosen[:, 4] * scores[np.arange(len(chosen)), class_id]
    strong = confidence >= threshold
    return (
        picked[strong],
        chosen[strong],
        np.minimum(confidence[strong], np.float32(1)),
        class_id[strong].astype(np.int32),
    )
