"""FastestDet: one map (1, 5 + C, rows, columns) of objectness, box and class scores."""

from __future__ import annotations

import numpy as np

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.decode.layout import (
    Arrays,
    Boxes,
    Claim,
    Decoder,
    OutputLayout,
    Probe,
    corners,
    expect,
)

# The root in its score lifts weak boxes: 0.35 here is as rare as 0.1 elsewhere.
USUAL = {"colour_order": "bgr", "scale": 1 / 255, "fit": "stretch", "score_threshold": 0.35}


def recognise(probe: Probe) -> Claim | None:
    """A coarse map whose first channel is in 0–1 and whose class scores sum to one per cell."""
    output = probe.only()
    if output is None or output.ndim != 4 or output.shape[0] != 1 or output.shape[1] < 6:
        return None
    rows, columns = output.shape[2:]
    if not (0 < rows < probe.height and 0 < columns < probe.width):
        return None
    sums = output[0, 5:].astype(np.float32).sum(axis=0)
    in_range = output[0, 0].min() >= 0 and output[0, 0].max() <= 1
    certainty = 0.95 if in_range and np.allclose(sums, 1, atol=0.02) else 0.1
    reason = f"one map of {rows}×{columns} cells with class shares"
    return Claim(certainty, output.shape[1] - 5, reason, USUAL)


def build(contract: ModelContract, probe: Probe) -> Decoder:
    """Score = objectness^0.6 * class^0.4; centre = cell + tanh; size = sigmoid of the picture."""
    channels = 5 + len(contract.labels)
    output = probe.only()
    expect(
        output is not None and output.ndim == 4 and output.shape[:2] == (1, channels),
        f"one output (1, {channels}, rows, columns)",
        probe.shapes,
    )
    columns = probe.shapes[0][3]
    cell_height, cell_width = probe.height / probe.shapes[0][2], probe.width / columns
    threshold = np.float32(contract.score_threshold)
    # A class share is at most 1, so a weaker objectness cannot reach the threshold.
    least_objectness = threshold ** np.float32(1 / 0.6)

    def decode(outputs: Arrays) -> Boxes:
        cells = outputs[0].reshape(channels, -1)
        picked = np.flatnonzero(cells[0] >= least_objectness)
        chosen = cells[:, picked].astype(np.float32, copy=False)
        class_id = chosen[5:].argmax(axis=0)
        share = chosen[5:][class_id, np.arange(len(picked))]
        confidence = chosen[0] ** np.float32(0.6) * share ** np.float32(0.4)
        strong = confidence >= threshold
        y, x = np.divmod(picked[strong], columns)
        box = chosen[1:5, strong]
        size = 1 / (1 + np.exp(-box[2:]))
        xyxy = corners(
            (x + np.tanh(box[0])) * cell_width,
            (y + np.tanh(box[1])) * cell_height,
            size[0] * probe.width,
            size[1] * probe.height,
        )
        return Boxes(xyxy, confidence[strong], class_id[strong].astype(np.int32))

    return decode


LAYOUT = OutputLayout("fastestdet", "FastestDet, one map", True, recognise, build)
