"""What the sensing process says to browsers, built from worker messages and stored results.

Each is a JSON object with ``type`` and ``camera``. Of facts:

- ``crossing``: ``line``, ``direction``, ``class``, ``size``, ``t`` (Unix s), ``wrong_way`` and
  ``turn_back`` (booleans); at once.
- ``speed``: the speed of a crossing told before, about 1.5 s after it and once stored: ``line``,
  ``direction``, ``class``, ``t`` of the crossing (Unix s), ``speed_mps``, ``error_mps`` (one
  standard error), ``doubtful`` (the camera seems moved), ``wrong_way``, ``length_m`` (or null) and
  ``crossing`` (its id). Each comes once, so a page may add it to a histogram.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict

from sensing.live import LiveItem, encode
from sensing.models import Camera, Crossing
from sensing.selectors import camera_counts, state_document
from sensing.uplink import picture_bytes
from sensing.worker.messages import (
    Facts,
    Overlay,
    Picture,
    RolledBack,
    ShadowReport,
    Status,
)

COUNTS_EVERY_S = 1.0


def overlay_item(overlay: Overlay) -> LiveItem:
    boxes = [
        [i, c, round(x1, 4), round(y1, 4), round(x2, 4), round(y2, 4), round(conf, 2), seen]
        for i, c, x1, y1, x2, y2, conf, seen in overlay.boxes
    ]
    document = {
        "type": "overlay",
        "camera": overlay.camera_id,
        "t": round(overlay.captured_at_s, 3),
        "boxes": boxes,
        "occupancy": overlay.occupancy,
    }
    return LiveItem(camera=overlay.camera_id, kind="overlay", data=encode(document))


def picture_item(picture: Picture) -> LiveItem:
    data = picture_bytes(picture.camera_id, picture.captured_at_s, picture.jpeg)
    return LiveItem(camera=picture.camera_id, kind="picture", data=data)


def status_item(status: Status) -> LiveItem:
    document = {"type": "status", "camera": status.camera_id, "state": state_document(status)}
    return LiveItem(camera=status.camera_id, kind="status", data=encode(document))


def rolled_back_item(message: RolledBack) -> LiveItem:
    document = {
        "type": "rolled_back",
        "camera": message.camera_id,
        "from": message.version_from,
        "to": message.version_to,
        "cause": message.cause,
        "detail": message.detail,
        "t": round(message.at_s, 3),
    }
    return LiveItem(camera=message.camera_id, kind="rolled_back", data=encode(document))


def shadow_item(report: ShadowReport) -> LiveItem:
    """All its figures, under the names of ``ShadowReport``."""
    figures = {name: value for name, value in asdict(report).items() if name != "camera_id"}
    document = {"type": "shadow", "camera": report.camera_id, **figures}
    return LiveItem(camera=report.camera_id, kind="shadow", data=encode(document))


def crossing_items(facts: Facts) -> Iterable[LiveItem]:
    for crossing in facts.crossings:
        document = {
            "type": "crossing",
            "camera": facts.camera_id,
            "line": crossing.line_id,
            "direction": crossing.direction,
            "class": crossing.object_class,
            "size": crossing.size,
            "t": round(crossing.time_s, 3),
            "wrong_way": crossing.wrong_way,
            "turn_back": crossing.turn_back,
        }
        yield LiveItem(camera=facts.camera_id, kind="crossing", data=encode(document))


def speed_item(row: Crossing) -> LiveItem:
    """Of a crossing that has just got its speed."""
    document = {
        "type": "speed",
        "camera": row.camera_id,
        "crossing": row.pk,
        "line": row.line_id,
        "direction": row.direction,
        "class": row.object_class,
        "t": round(row.at.timestamp(), 3),
        "speed_mps": round(row.speed_mps or 0.0, 3),
        "error_mps": round(row.speed_error_mps or 0.0, 3),
        "doubtful": row.speed_doubtful,
        "wrong_way": row.wrong_way,
        "length_m": None if row.length_m is None else round(row.length_m, 2),
    }
    return LiveItem(camera=row.camera_id, kind="speed", data=encode(document))


class CountsPublisher:
    """Counts of a camera after they changed, at most once a second each."""

    def __init__(self) -> None:
        self._changed: set[int] = set()
        self._sent_at: dict[int, float] = {}

    def changed(self, camera_ids: Iterable[int]) -> None:
        self._changed.update(camera_ids)

    def due(self, watched: frozenset[int], now_s: float | None = None) -> list[LiveItem]:
        """Items for the watched cameras whose turn has come; the others stay marked as changed."""
        now = time.monotonic() if now_s is None else now_s
        ids = {
            i
            for i in self._changed & watched
            if now - self._sent_at.get(i, -COUNTS_EVERY_S) >= COUNTS_EVERY_S
        }
        items: list[LiveItem] = []
        for camera in Camera.objects.filter(pk__in=ids):
            document = {"type": "counts", "camera": camera.pk, "counts": camera_counts(camera)}
            items.append(LiveItem(camera=camera.pk, kind="counts", data=encode(document)))
        self._changed -= ids
        self._sent_at = {i: t for i, t in self._sent_at.items() if i in watched}
        self._sent_at.update(dict.fromkeys(ids, now))
        return items
