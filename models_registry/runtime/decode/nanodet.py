"""NanoDet: per stride class scores (1, n, C) and distance distributions (1, n, 4 * bins).

Each side of a box is the mean of a distribution over whole distances, in strides (generalised
focal loss, Li et al. 2020); class scores have passed their sigmoid in the graph.
"""

from __future__ import annotations

import numpy as np

from models_registry.runtime.contract import ModelContract
from models_registry.runtime.decode.grid import STRIDE_SETS, grid_cells
from models_registry.runtime.decode.layout import (
    Arrays,
    Boxes,
    Claim,
    Decoder,
    OutputLayout,
    Probe,
    expect,
)

BINS = 8
USUAL = {
    "colour_order": "bgr",
    "mean": (103.53, 116.28, 123.675),
    "std": (57.375, 57.12, 58.395),
    "fit": "centre",
    "pad_value": 0,
    "nms_iou": 0.6,
    "score_threshold": 0.2,  # its scores run low, and weak boxes are many
}
Pairs = list[tuple[int, int, int]]  # stride, index of the class output, of the distance output


def _pairs(probe: Probe, classes: int | None) -> Pairs | None:
    """Which outputs belong together; ``None`` when they are not of this layout."""
    for strides in STRIDE_SETS:
        counts = [(-(-probe.width // s)) * (-(-probe.height // s)) for s in strides]
        pairs: Pairs = []
        for stride, count in zip(strides, counts, strict=True):
            level = [i for i, s in enumerate(probe.shapes) if s[:-1] in ((1, count), (count,))]
            if len(level) != 2 or len(probe.shapes) != 2 * len(strides):
                break
            widths = [probe.shapes[i][-1] for i in level]
            # With 32 classes both are equally wide; the class output is then named or comes first.
            by_name = [i for i in level if "cls" in probe.names[i].lower()]
            distances = [i for i, w in zip(level, widths, strict=True) if w == 4 * BINS]
            scores = (by_name or [i for i in level if i not in distances] or level)[0]
            other = next(i for i in level if i != scores)
            if other not in distances or probe.shapes[scores][-1] != (
                classes or probe.shapes[level[0]][-1] + probe.shapes[level[1]][-1] - 4 * BINS
            ):
                break
            pairs.append((stride, scores, other))
        if len(pairs) == len(strides):
            return pairs
    return None


def recognise(probe: Probe) -> Claim | None:
    """Two outputs per stride, one of them 4 * 8 wide."""
    pairs = _pairs(probe, None)
    if pairs is None:
        return None
    strides = tuple(stride for stride, _, _ in pairs)
    reason = f"class and distance outputs for strides {strides}"
    return Claim(0.95, probe.shapes[pairs[0][1]][-1], reason, USUAL)


def build(contract: ModelContract, probe: Probe) -> Decoder:
    """A cell's point is its stride * index + (stride - 1) / 2, as in the original head."""
    classes = len(contract.labels)
    pairs = _pairs(probe, classes)
    expected = f"per stride an output (1, n, {classes}) and one (1, n, {4 * BINS})"
    expect(pairs is not None, expected, probe.shapes)
    assert pairs is not None
    points = []
    for stride, _, _ in pairs:
        cells, strides = grid_cells(probe.width, probe.height, (stride,))
        points.append(cells * strides[:, None] + np.float32((stride - 1) / 2))
    bins = np.arange(BINS, dtype=np.float32)
    threshold = np.float32(contract.score_threshold)

    def level(outputs: Arrays, index: int) -> Boxes:
        stride, scores_at, distances_at = pairs[index]
        scores = outputs[scores_at].reshape(-1, classes)
        picked = np.flatnonzero(scores.max(axis=1) >= threshold)
        chosen = scores[picked].astype(np.float32, copy=False)
        class_id = chosen.argmax(axis=1)
        logits = outputs[distances_at].reshape(-1, 4, BINS)[picked].astype(np.float32, copy=False)
        weights = np.exp(logits - logits.max(axis=2, keepdims=True))
        sides = (weights @ bins) / weights.sum(axis=2) * np.float32(stride)
        point = points[index][picked]
        xyxy = np.concatenate([point - sides[:, :2], point + sides[:, 2:]], axis=1)
        return Boxes(xyxy, chosen[np.arange(len(picked)), class_id], class_id.astype(np.int32))

    def decode(outputs: Arrays) -> Boxes:
        levels = [level(outputs, index) for index in range(len(pairs))]
        return Boxes(
            np.concatenate([x.xyxy for x in levels]),
            np.concatenate([x.confidence for x in levels]),
            np.concatenate([x.class_id for x in levels]),
        )

    return decode


LAYOUT = OutputLayout("nanodet", "NanoDet, distance distributions", True, recognise, build)
