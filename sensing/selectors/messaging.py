"""What messages are made of, and how their targets are."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Max, Min, QuerySet

from sensing.domain.statistics.bins import coverage_of
from sensing.models import (
    BROKER,
    Camera,
    CountInterval,
    Crossing,
    MessageSettings,
    MessageState,
    ObservedMinute,
    Scene,
    SpooledMessage,
    Webhook,
    ZoneMinute,
)
from sensing.selectors.counts import CountsSnapshot

Place = tuple[int, int]  # camera, first minute of an interval
DIRECTIONS = ("forward", "backward")
LISTED = 50


@dataclass(frozen=True)
class IntervalContent:
    """What was counted in an interval. ``digest`` changes with what was counted, not with names;
    ``known``: something is stored about it."""

    document: dict[str, Any]
    digest: str
    known: bool


@dataclass(frozen=True)
class SpoolLength:
    """What waits for one target; ``since`` is what the oldest message is about."""

    waiting: int = 0
    since: datetime | None = None
    given_up: int = 0


def message_settings() -> MessageSettings:
    """The one row; made when there is none yet."""
    found = MessageSettings.objects.filter(pk=1).first()
    return found or MessageSettings.objects.get_or_create(pk=1)[0]


def interval_targets() -> list[str]:
    """Who is sent the counts of intervals."""
    found = [BROKER] if message_settings().enabled else []
    return found + [hook.target for hook in Webhook.objects.filter(enabled=True, intervals=True)]


def spool_length(target: str) -> SpoolLength:
    rows = SpooledMessage.objects.filter(target=target)
    waiting = rows.filter(state=MessageState.WAITING).aggregate(n=Count("pk"), since=Min("about"))
    given_up = rows.filter(state=MessageState.GIVEN_UP).count()
    return SpoolLength(waiting["n"], waiting["since"], given_up)


def deliveries(hook: Webhook) -> QuerySet[SpooledMessage]:
    """The last messages of a webhook, newest first."""
    return SpooledMessage.objects.filter(target=hook.target).order_by("-pk")[:LISTED]


def newest_minutes(camera_ids: Collection[int], since: int) -> dict[int, int]:
    """The newest minute from ``since`` on of which something was stored, by camera."""
    rows = ObservedMinute.objects.filter(
        camera_id__in=camera_ids, minute__gte=since, observed_s__gt=0
    )
    return dict(rows.values_list("camera_id").annotate(newest=Max("minute")))


def interval_contents(
    camera_ids: Collection[int], start: int, end: int, minutes: int
) -> dict[Place, IntervalContent]:
    """What is known of every interval of ``minutes`` in the Unix minutes [start, end), by camera
    and first minute; intervals of which nothing is stored are there too. In five queries."""
    window = {"camera_id__in": camera_ids, "minute__gte": start, "minute__lt": end}
    scenes = {row.camera_id: row for row in Scene.objects.filter(camera_id__in=camera_ids)}
    places = [(c, m) for c in camera_ids for m in range(start, end, minutes)]
    contents = {place: _Content(scenes.get(place[0]), minutes, place[1]) for place in places}

    def content(camera_id: int, minute: int) -> _Content:
        return contents[camera_id, minute - (minute - start) % minutes]

    observed = ObservedMinute.objects.filter(**window)
    for camera_id, minute, observed_s, down_s in observed.values_list(
        "camera_id", "minute", "observed_s", "down_s"
    ):
        content(camera_id, minute).watched(observed_s, down_s)
    counted = CountInterval.objects.filter(**window).order_by("line_id", "object_class", "size")
    for camera_id, minute, line, direction, object_class, size, count in counted.values_list(
        "camera_id", "minute", "line_id", "direction", "object_class", "size", "count"
    ):
        content(camera_id, minute).counts[line, direction][object_class, size] += count
    zones = ZoneMinute.objects.filter(**window)
    for camera_id, minute, zone, occupied_s, most in zones.values_list(
        "camera_id", "minute", "zone_id", "occupied_s", "occupancy_max"
    ):
        content(camera_id, minute).occupied(zone, occupied_s, most)
    measured = Crossing.objects.filter(
        camera_id__in=camera_ids,
        at__gte=datetime.fromtimestamp(start * 60, UTC),
        at__lt=datetime.fromtimestamp(end * 60, UTC),
        speed_mps__isnull=False,
        speed_doubtful=False,
    )
    for camera_id, line, direction, at, speed_mps in measured.values_list(
        "camera_id", "line_id", "direction", "at", "speed_mps"
    ):
        speeds = content(camera_id, int(at.timestamp() // 60)).speeds[line, direction]
        speeds.append(float(speed_mps or 0.0))
    return {
        place: IntervalContent(found.document(), found.digest(), found.known)
        for place, found in contents.items()
    }


def totals_document(camera: Camera, counts: CountsSnapshot) -> dict[str, Any]:
    """Today's counts and the occupancy of a camera, for Home Assistant."""
    today, scene = counts["today"], camera.scene
    return {
        "camera": {"id": camera.pk, "name": camera.name},
        "lines": {
            line["id"]: {
                direction: sum(today.get(line["id"], {}).get(direction, {}).values())
                for direction in DIRECTIONS
            }
            for line in scene.lines
        },
        "zones": {
            zone["id"]: {
                "occupancy": counts["occupancy"].get(zone["id"], 0),
                "visits": counts["visits_today"].get(zone["id"], 0),
            }
            for zone in scene.zones
        },
    }


class _Content:
    """One interval of one camera while its rows are gathered."""

    def __init__(self, scene: Scene | None, minutes: int, start: int) -> None:
        self._lines = {line["id"]: line["name"] for line in scene.lines} if scene else {}
        self._zones = {zone["id"]: zone["name"] for zone in scene.zones} if scene else {}
        self._minutes, self._start = minutes, start
        self.observed_s = self.down_s = 0.0
        self._known = False
        self.counts: dict[tuple[str, str], dict[tuple[str, str], int]] = defaultdict(
            lambda: defaultdict(int)
        )
        self.speeds: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._occupied: dict[str, tuple[float, int]] = {}

    def watched(self, observed_s: float, down_s: float) -> None:
        self._known = True
        self.observed_s += observed_s
        self.down_s += down_s

    def occupied(self, zone: str, occupied_s: float, most: int) -> None:
        before_s, before = self._occupied.get(zone, (0.0, 0))
        self._occupied[zone] = before_s + occupied_s, max(before, most)

    def document(self) -> dict[str, Any]:
        seen = list(dict.fromkeys(line for line, _ in (*self.counts, *self.speeds)))
        lines = list(dict.fromkeys([*self._lines, *seen]))
        zones = list(dict.fromkeys([*self._zones, *self._occupied]))
        return {
            "start": _iso(self._start),
            "end": _iso(self._start + self._minutes),
            "minutes": self._minutes,
            "observed_s": round(self.observed_s, 1),
            "down_s": round(self.down_s, 1),
            "coverage": coverage_of(60.0 * self._minutes, self.observed_s, self.down_s),
            "lines": [
                {"id": line, "name": self._lines.get(line, line)}
                | {direction: self._direction(line, direction) for direction in DIRECTIONS}
                for line in lines
            ],
            "zones": [self._zone(zone) for zone in zones],
        }

    @property
    def known(self) -> bool:
        return self._known or bool(self.counts)

    def digest(self) -> str:
        facts = [
            round(self.observed_s, 1),
            round(self.down_s, 1),
            sorted((place, sorted(counts.items())) for place, counts in self.counts.items()),
            sorted(
                (place, len(speeds), round(sum(speeds), 1)) for place, speeds in self.speeds.items()
            ),
            sorted((z, round(s, 1), most) for z, (s, most) in self._occupied.items() if s or most),
        ]
        return hashlib.md5(json.dumps(facts).encode(), usedforsecurity=False).hexdigest()

    def _direction(self, line: str, direction: str) -> dict[str, Any]:
        classes, speeds = self.counts.get((line, direction), {}), self.speeds.get((line, direction))
        total = sum(classes.values())
        return {
            # Nothing seen because nobody looked is no zero.
            "count": total if total or self.observed_s > 0 else None,
            "classes": [
                {"class": object_class, "size": size or None, "count": count}
                for (object_class, size), count in classes.items()
            ],
            "speed": {"count": len(speeds), "mean_mps": round(sum(speeds) / len(speeds), 2)}
            if speeds
            else None,
        }

    def _zone(self, zone: str) -> dict[str, Any]:
        occupied_s, most = self._occupied.get(zone, (0.0, 0))
        watched = self.observed_s > 0
        return {
            "id": zone,
            "name": self._zones.get(zone, zone),
            "occupancy_mean": round(occupied_s / self.observed_s, 2) if watched else None,
            "occupancy_max": most if watched else None,
        }


def _iso(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
