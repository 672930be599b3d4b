"""Makes audit strips out of frames that were analysed: rows are gathered and handed over in blocks,
so that a worker that dies loses seconds of a strip and not the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from sensing.domain.results import Crossing
from sensing.domain.scene import Anchor
from sensing.domain.strip import LineSampler, StripMark, Trails
from sensing.worker.messages import Overlay, StripBlock
from sensing.worker.plan import StripOrder

BLOCK_ROWS = 256
BLOCK_S = 20.0
LATE_S = 6.0
"""A crossing may be told this long after it happened: the strip waits for it at its end."""
QUALITY = 90

Tell = Callable[[StripBlock], None]


class StripRecorder:
    """The strip that one order asks for. ``add`` takes each frame once, in order of time."""

    def __init__(self, camera_id: int, order: StripOrder, anchor: Anchor, tell: Tell) -> None:
        self.order = order
        self.done = False
        self._camera_id, self._anchor, self._tell = camera_id, anchor, tell
        self._lines = {line_id: (p1, p2) for line_id, p1, p2 in order.lines}
        self._samplers: dict[str, LineSampler] = {}
        self._size: tuple[int, int] | None = None
        self._rows: dict[str, list[NDArray[np.uint8]]] = {line_id: [] for line_id in self._lines}
        self._times_s: list[float] = []
        self._marks: list[StripMark] = []
        self._told: set[tuple[str, str, int, int]] = set()
        self._trails = Trails()

    def add(
        self,
        image: NDArray[np.uint8],
        overlay: Overlay,
        crossings: Iterable[Crossing],
        run_id: str,
    ) -> None:
        """One analysed frame: its boxes, and the crossings that it completed."""
        time_s = overlay.captured_at_s
        if self.done or time_s < self.order.since_s - LATE_S:
            return
        self.add_row(image, time_s)
        self.follow(overlay, crossings, run_id)
        self.tick(time_s)

    def add_row(self, image: NDArray[np.uint8], time_s: float) -> None:
        """The pixels of a frame, if it is of the period."""
        if not self.done and self.order.since_s <= time_s <= self.order.until_s:
            self._sample(image, time_s)

    def follow(self, overlay: Overlay, crossings: Iterable[Crossing], run_id: str) -> None:
        """Where the tracks of a frame are, and the crossings that it completed."""
        self._trails.add(overlay.captured_at_s, self._points(overlay))
        self.note(crossings, run_id)

    def note(self, crossings: Iterable[Crossing], run_id: str) -> None:
        """Crossings over the lines within the period; one that was told before is not noted."""
        for crossing in crossings:
            name = (crossing.line_id, run_id, crossing.track_id, crossing.nth)
            inside = self.order.since_s <= crossing.time_s <= self.order.until_s
            if crossing.line_id not in self._lines or not inside or name in self._told:
                continue
            self._told.add(name)
            self._marks.append(self._mark(crossing, run_id))

    def tick(self, now_s: float) -> None:
        """Hand over what is due; also called while no frames come."""
        if self.done:
            return
        if now_s > self.order.until_s + LATE_S:
            self.flush(last=True)
        elif len(self._times_s) >= BLOCK_ROWS or (
            self._times_s and now_s - self._times_s[0] > BLOCK_S
        ):
            self.flush()

    def new_run(self) -> None:
        """Track numbers begin anew."""
        self._trails = Trails()

    def flush(self, *, last: bool = False) -> None:
        """Hand over what was gathered, if there is anything to say."""
        if self.done or not (self._times_s or self._marks or last):
            return
        strips = tuple((line_id, _jpeg(rows)) for line_id, rows in self._rows.items() if rows)
        self._tell(
            StripBlock(
                self._camera_id,
                self.order.recount_id,
                tuple(self._times_s),
                strips,
                tuple(self._marks),
                last,
            )
        )
        self._rows = {line_id: [] for line_id in self._lines}
        self._times_s, self._marks = [], []
        self.done = last

    def _sample(self, image: NDArray[np.uint8], time_s: float) -> None:
        size = cast(tuple[int, int], image.shape[1::-1])
        if size != self._size:
            self.flush()  # rows of another width do not fit into the same picture
            self._samplers = {
                line_id: LineSampler(p1, p2, size) for line_id, (p1, p2) in self._lines.items()
            }
            self._size = size
        for line_id, sampler in self._samplers.items():
            self._rows[line_id].append(sampler.row(image))
        self._times_s.append(time_s)

    def _points(self, overlay: Overlay) -> list[tuple[int, float, float]]:
        low = self._anchor == "bottom"
        return [
            (track_id, (x1 + x2) / 2, y2 if low else (y1 + y2) / 2)
            for track_id, _, x1, y1, x2, y2, _, _ in overlay.boxes
        ]

    def _mark(self, crossing: Crossing, run_id: str) -> StripMark:
        p1, p2 = self._lines[crossing.line_id]
        return StripMark(
            crossing.line_id,
            run_id,
            crossing.track_id,
            crossing.nth,
            crossing.direction,
            crossing.object_class,
            crossing.confidence,
            crossing.time_s,
            self._trails.along(crossing.track_id, crossing.time_s, p1, p2),
        )


def _jpeg(rows: list[NDArray[np.uint8]]) -> bytes:
    written, data = cv2.imencode(".jpg", np.stack(rows), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not written:
        raise RuntimeError("expected rows that can be encoded")
    return data.tobytes()
