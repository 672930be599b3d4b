"""An adaptive background: what each pixel of a fixed camera shows when nothing passes.

Two layers per pixel, both YCrCb: the background itself, and a candidate that gathers evidence while
the background is covered. The candidate takes over when it has been seen for long enough: at once
where the edges say that an object has left (a ghost), within a second or two while the background
itself is hardly known, and only after ``absorb_s`` where an object has stopped. One that was
taken over stays as candidate, so that a road is known again the moment a parked car leaves.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models_registry.runtime.components import Mask, components
from models_registry.runtime.detections import FloatArray

Picture = NDArray[np.uint8]

SETTLE_S = 8.0  # time constant of the background once it is known
NOISE_S = 6.0
GHOST_S = 0.35  # stillness after which a revealed place is believed
KNOWN_S = 3.0  # evidence that makes a background worth remembering once taken over
GHOST_PERIOD_S = 0.2
MIN_GHOST = 12  # pixels
MIN_OUTLINE = 8  # pixels
DOUBT_S = 1.5  # stillness that is believed where the outline says nothing
LEARN_PERIOD_S = 0.07  # learning more often than this costs time and teaches nothing
FIRST_NOISE = 1.5
LIGHT_SHARE = 0.6  # more foreground than this is no object but the light
LIGHT_S = 0.25
BASE_THRESHOLD = 9.0  # grey levels above which a pixel without noise has changed
NOISE_FACTOR = 3.0
MAX_THRESHOLD = 60.0
CHROMA_WEIGHT = 1.6  # chroma varies less than luma, and so does its noise
CROSS = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))


class Background:
    """The running model of one camera at one resolution; ``absorb_s`` in seconds."""

    def __init__(self, first: Picture, absorb_s: float) -> None:
        self._absorb_s = absorb_s
        self._shape = first.shape[:2]
        self._start(first)

    def _start(self, picture: Picture) -> None:
        self.age_s = 0.0
        self.mean: FloatArray = picture.astype(np.float32)
        self.candidate: FloatArray = self.mean.copy()
        self.seen_s: FloatArray = np.zeros(self._shape, np.float32)
        self.candidate_s: FloatArray = np.zeros(self._shape, np.float32)
        self.noise: FloatArray = np.full(self._shape, FIRST_NOISE, np.float32)
        self.expected: Picture = picture.copy()
        self._remembered: Mask = np.zeros(self._shape, np.uint8)
        self._held: Mask = np.zeros(self._shape, np.uint8)
        self._light_s = 0.0
        self._pending_s = 0.0
        self._ghost_due_s = GHOST_PERIOD_S

    def apply(self, picture: Picture, step_s: float) -> Mask:
        """Foreground of a YCrCb picture (H, W, 3), ``step_s`` after the one before; learns from it.

        Empty while a sudden change of light is learned anew. ``expected`` is then the background as
        it should look under the light of this moment.
        """
        self.age_s += step_s
        self._pending_s += step_s
        self.expected = self._lit(picture)
        threshold = self._threshold()
        difference = _distance(picture, self.expected)
        changed = cv2.compare(difference, threshold, cv2.CMP_GT)
        if self._light_changed(changed, step_s):
            self._start(picture)
            return np.zeros(self._shape, np.uint8)

        of_candidate = _distance(picture, cv2.convertScaleAbs(self.candidate))
        like_candidate = cv2.compare(of_candidate, threshold, cv2.CMP_LE)
        known_again = cv2.bitwise_and(changed, cv2.bitwise_and(like_candidate, self._remembered))
        foreground = cv2.bitwise_and(changed, cv2.bitwise_not(known_again))
        if self._pending_s >= LEARN_PERIOD_S:
            self._learn(picture, difference, changed, self._pending_s)
            self._gather(picture, changed, like_candidate, self._pending_s)
            self._take_over(known_again, picture, foreground, self._pending_s)
            self._pending_s = 0.0
        return foreground

    def forgive(self, mask: Mask, picture: Picture, step_s: float) -> None:
        """Learn pixels that changed but are no object: rain, leaves, noise."""
        if not cv2.countNonZero(mask):
            return
        cv2.accumulateWeighted(picture, self.mean, min(1.0, step_s / (0.5 * SETTLE_S)), mask)
        difference = cv2.absdiff(picture[..., 0], self.expected[..., 0])
        cv2.accumulateWeighted(difference, self.noise, min(1.0, step_s / NOISE_S), mask)

    def _threshold(self) -> Picture:
        threshold = cv2.convertScaleAbs(self.noise, alpha=NOISE_FACTOR, beta=BASE_THRESHOLD)
        return np.asarray(cv2.min(threshold, MAX_THRESHOLD), np.uint8)

    def _lit(self, picture: Picture) -> Picture:
        """Auto exposure and clouds multiply the whole picture: the median ratio is their factor."""
        mean = np.asarray(cv2.convertScaleAbs(self.mean), np.uint8)
        now = picture[4::8, 4::8, 0].astype(np.float32)
        usual = mean[4::8, 4::8, 0]
        usable = (usual > 24) & (now < 250.0) & (usual < 245)
        if np.count_nonzero(usable) < 30:
            return mean
        gain = float(np.clip(np.median(now[usable] / usual[usable]), 0.5, 2.0))
        if abs(gain - 1.0) < 0.01:
            return mean
        levels = np.arange(256)
        table = np.stack([np.minimum(levels * gain, 255.0), levels, levels], axis=-1)
        return np.asarray(cv2.LUT(mean, table.astype(np.uint8)[None]), np.uint8)

    def _light_changed(self, changed: Mask, step_s: float) -> bool:
        share = cv2.countNonZero(changed) / changed.size
        self._light_s = self._light_s + step_s if share > LIGHT_SHARE else 0.0
        return self._light_s >= LIGHT_S

    def _learn(self, picture: Picture, difference: Picture, changed: Mask, step_s: float) -> None:
        same = cv2.bitwise_not(changed)
        weight = min(0.5, step_s / min(SETTLE_S, max(self.age_s, step_s)))
        cv2.accumulateWeighted(picture, self.mean, weight, same)
        cv2.accumulateWeighted(difference, self.noise, min(0.2, step_s / NOISE_S), same)
        cv2.add(self.seen_s, step_s, dst=self.seen_s, mask=same)
        cv2.min(self.seen_s, self._absorb_s, dst=self.seen_s)

    def _gather(self, picture: Picture, changed: Mask, like: Mask, step_s: float) -> None:
        """Evidence for the candidate: it grows while seen, and fades twice as fast while not."""
        seen = cv2.bitwise_and(changed, like)
        other = cv2.bitwise_and(changed, cv2.bitwise_not(like))
        cv2.accumulateWeighted(picture, self.candidate, 0.2, seen)
        # One table look-up instead of four masked assignments: bit 0 seen, 1 other, 2 remembered.
        state = cv2.bitwise_or(cv2.min(seen, 1), cv2.min(other, 2))
        state = cv2.bitwise_or(state, cv2.min(self._remembered, 4))
        steps = np.zeros(256, np.float32)
        steps[:8] = np.array([-0.5, 1.0, -2.0, 0.0, 0.0, 1.0, -2.0, 0.0]) * step_s
        np.add(self.candidate_s, cv2.LUT(state, steps), out=self.candidate_s)
        np.clip(self.candidate_s, 0.0, 2.0 * self._absorb_s, out=self.candidate_s)
        fresh = cv2.bitwise_and(other, cv2.compare(self.candidate_s, 0.0, cv2.CMP_LE))
        cv2.accumulateWeighted(picture, self.candidate, 1.0, fresh)
        cv2.subtract(self._remembered, fresh, dst=self._remembered)

    def _take_over(
        self, known_again: Mask, picture: Picture, foreground: Mask, step_s: float
    ) -> None:
        """Let candidates with enough evidence become the background."""
        self._ghost_due_s -= step_s
        cv2.bitwise_and(self._held, foreground, dst=self._held)
        still = cv2.bitwise_and(foreground, cv2.compare(self.candidate_s, GHOST_S, cv2.CMP_GE))
        if cv2.countNonZero(still):
            needed = cv2.max(self.seen_s, cv2.multiply(self.seen_s, self.seen_s))
            cv2.add(needed, self._absorb_s, dst=needed, mask=self._held)
            needed = cv2.max(cv2.min(needed, self._absorb_s), DOUBT_S)
            ready = cv2.compare(self.candidate_s, needed, cv2.CMP_GE)
            taken = cv2.bitwise_and(still, ready)
            if self._ghost_due_s <= 0.0:
                self._ghost_due_s = GHOST_PERIOD_S
                taken = cv2.bitwise_or(taken, self._ghosts(still, foreground, picture))
        else:
            taken = still
        if cv2.countNonZero(known_again):
            long_seen = cv2.compare(self.candidate_s, KNOWN_S, cv2.CMP_GE)
            taken = cv2.bitwise_or(taken, cv2.bitwise_and(known_again, long_seen))
        # Single pixels amid an object would pepper the background; what borders on ground may go.
        settled = cv2.bitwise_or(taken, cv2.bitwise_not(foreground))
        smooth = cv2.bitwise_and(taken, cv2.medianBlur(settled, 3))
        if cv2.countNonZero(smooth):
            self._swap(smooth > 0)

    def _swap(self, taken: NDArray[np.bool_]) -> None:
        worth = taken & (self.seen_s >= KNOWN_S) & (self._remembered == 0)
        old, old_s = self.mean[taken], self.seen_s[taken]
        self.mean[taken] = self.candidate[taken]
        self.seen_s[taken] = np.maximum(self.candidate_s[taken], 1.0)
        self.candidate[taken] = old
        self.candidate_s[taken] = np.where(worth[taken], old_s, 0.0)
        self._remembered[taken] = 0
        self._remembered[worth] = 255
        self.noise[taken] = FIRST_NOISE

    def _ghosts(self, still: Mask, foreground: Mask, picture: Picture) -> Mask:
        """Pixels of still blobs whose outline is an edge of the background, not of the picture.

        An object that stopped has the edge in the picture; one that left has it in the background.
        Only where a blob meets the known ground does its outline say so: the middle of a plain body
        that passes looks still too.
        """
        found = np.zeros(self._shape, np.uint8)
        labels, boxes = components(still)
        large = np.flatnonzero(boxes[:, cv2.CC_STAT_AREA] >= MIN_GHOST)
        if len(large) < 2:  # the ground itself is the first
            return found
        ground = cv2.dilate(cv2.bitwise_not(foreground), CROSS)
        edges_now = cv2.morphologyEx(picture[..., 0], cv2.MORPH_GRADIENT, CROSS)
        edges_usual = cv2.morphologyEx(self.expected[..., 0], cv2.MORPH_GRADIENT, CROSS)
        for label in large[large > 0]:
            x, y, width, height, _ = boxes[label]
            window = np.s_[max(0, y - 1) : y + height + 1, max(0, x - 1) : x + width + 1]
            blob = (labels[window] == label).astype(np.uint8)
            outline = (cv2.dilate(blob, CROSS) > 0) & (ground[window] > 0)
            if np.count_nonzero(outline) < MIN_OUTLINE:
                continue
            now = float(edges_now[window][outline].mean())
            usual = float(edges_usual[window][outline].mean())
            if usual > 1.3 * now + 2.0:
                found[window] |= blob * 255
                self._remembered[window][blob > 0] = 255  # what left is not worth remembering
            elif now > 1.15 * usual:
                self._held[window][blob > 0] = 255
        return found


def _distance(picture: Picture, expected: Picture) -> Picture:
    """Per pixel, how far the picture lies outside what the background shows within one pixel.

    The neighbourhood forgives a camera that trembles and edges that shimmer.
    """
    low = cv2.erode(expected, CROSS)
    high = cv2.dilate(expected, CROSS)
    outside = cv2.max(cv2.subtract(low, picture), cv2.subtract(picture, high))
    luma, red, blue = cv2.split(outside)
    return cv2.max(luma, cv2.convertScaleAbs(cv2.max(red, blue), alpha=CHROMA_WEIGHT))
