"""What Prometheus is told: read from the rows at each scrape, in a fixed number of cheap queries.

Counts are totals since this process began. What is older than an hour is summed once and kept, so
that a scrape reads an hour of minutes, and a total never falls while the process lives.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Count, Min, Sum
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from models_registry.models import Job, JobState
from sensing.models import (
    Camera,
    CameraStateChoice,
    CountInterval,
    MessageState,
    ObservedMinute,
    SpooledMessage,
    ZoneMinute,
)
from sensing.selectors import camera_list, camera_state_document
from sensing.selectors.messaging import message_settings
from sensing.selectors.site import epoch_minute

SETTLED_MINUTES = 60
FRESH_MINUTES = 2

CountKey = tuple[int, str, str, str]  # camera, line, direction, class
BY_CAMERA = ("camera", "name")


class CountTotals:
    """Crossings counted since ``start_minute``, by camera, line, direction and class."""

    def __init__(self, start_minute: int) -> None:
        self._summed_until = start_minute
        self._settled: dict[CountKey, int] = {}
        self._lock = threading.Lock()

    def at(self, minute: int) -> dict[CountKey, int]:
        """The totals up to and including this minute."""
        with self._lock:
            settled_until = max(self._summed_until, minute - SETTLED_MINUTES)
            if settled_until > self._summed_until:
                _add(self._settled, _counted(self._summed_until, settled_until))
                self._summed_until = settled_until
            totals = dict(self._settled)
        _add(totals, _counted(settled_until, minute + 1))
        return totals


class GatewayCollector(Collector):
    """One scrape of the gateway."""

    def __init__(self, totals: CountTotals) -> None:
        self._totals = totals

    def describe(self) -> list[Metric]:
        return []  # or registering would read the database

    def collect(self) -> Iterator[Metric]:
        now = datetime.now(UTC)
        build = InfoMetricFamily("aision_build", "Version of this gateway.")
        build.add_metric([], {"version": settings.VERSION})
        yield build
        cameras = list(camera_list())
        yield from _cameras(cameras, now)
        yield from _counts(cameras, self._totals.at(epoch_minute(now)))
        yield _occupancy(cameras, now)
        yield _jobs()
        yield from _messages(now)


totals = CountTotals(int(time.time() // 60))
registry = CollectorRegistry()
registry.register(GatewayCollector(totals))
ProcessCollector(registry=registry)


def exposition() -> bytes:
    """The text that Prometheus reads."""
    return generate_latest(registry)


def _counted(start: int, end: int) -> dict[CountKey, int]:
    rows = (
        CountInterval.objects.filter(minute__gte=start, minute__lt=end)
        .values_list("camera_id", "line_id", "direction", "object_class")
        .annotate(total=Sum("count"))
    )
    return {(c, line, way, kind): total for c, line, way, kind, total in rows}


def _add(totals: dict[CountKey, int], more: dict[CountKey, int]) -> None:
    for key, count in more.items():
        totals[key] = totals.get(key, 0) + count


def _cameras(cameras: list[Camera], now: datetime) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "aision_camera_state",
        "1 for the state that the camera is in.",
        labels=[*BY_CAMERA, "state"],
    )
    age = GaugeMetricFamily(
        "aision_camera_last_frame_age_seconds", "Age of the last picture.", labels=BY_CAMERA
    )
    latency = GaugeMetricFamily(
        "aision_camera_latency_seconds",
        "Time from a frame's capture to its result, median and 95 %.",
        labels=[*BY_CAMERA, "quantile"],
    )
    rate = GaugeMetricFamily(
        "aision_camera_analysed_frames_per_second", "Frames analysed.", labels=BY_CAMERA
    )
    frames = {
        name: CounterMetricFamily(
            f"aision_camera_frames_{name}",
            f"Frames {name} since the worker began.",
            labels=BY_CAMERA,
        )
        for name in ("read", "analysed", "dropped")
    }
    for camera in cameras:
        who, state = [str(camera.pk), camera.name], camera.state
        current = camera_state_document(camera)["state"]
        for choice in CameraStateChoice.values:
            states.add_metric([*who, choice], float(choice == current))
        if state.last_frame_at is not None:
            age.add_metric(who, max(0.0, (now - state.last_frame_at).total_seconds()))
        latency.add_metric([*who, "0.5"], state.latency_p50_ms / 1000)
        latency.add_metric([*who, "0.95"], state.latency_p95_ms / 1000)
        rate.add_metric(who, state.analysed_fps)
        for name, family in frames.items():
            family.add_metric(who, getattr(state, f"frames_{name}"))
    yield from (states, age, latency, rate, *frames.values())


def _counts(cameras: list[Camera], totals: dict[CountKey, int]) -> Iterator[Metric]:
    counted = CounterMetricFamily(
        "aision_crossings",
        "Objects counted at a line since this process began.",
        labels=[*BY_CAMERA, "line", "direction", "class"],
    )
    names = {camera.pk: camera.name for camera in cameras}
    for (camera, line, direction, object_class), total in sorted(totals.items()):
        if camera in names:
            counted.add_metric([str(camera), names[camera], line, direction, object_class], total)
    yield counted


def _occupancy(cameras: list[Camera], now: datetime) -> Metric:
    family = GaugeMetricFamily(
        "aision_zone_occupancy",
        "Mean number of objects in a zone over its newest minute.",
        labels=[*BY_CAMERA, "zone"],
    )
    since = epoch_minute(now) - FRESH_MINUTES + 1
    fresh = ObservedMinute.objects.filter(minute__gte=since, observed_s__gt=0)
    observed = {
        (camera, minute): seconds
        for camera, minute, seconds in fresh.values_list("camera_id", "minute", "observed_s")
    }
    newest: dict[tuple[int, str], float] = {}
    rows = ZoneMinute.objects.filter(minute__gte=since).order_by("minute")
    for camera, zone, minute, occupied_s in rows.values_list(
        "camera_id", "zone_id", "minute", "occupied_s"
    ):
        if (camera, minute) in observed:
            newest[camera, zone] = occupied_s / observed[camera, minute]
    names = {camera.pk: camera.name for camera in cameras}
    for (camera, zone), mean in sorted(newest.items()):
        if camera in names:
            family.add_metric([str(camera), names[camera], zone], round(mean, 3))
    return family


def _jobs() -> Metric:
    family = GaugeMetricFamily("aision_jobs", "Jobs that wait or run.", labels=["state"])
    open_states = (JobState.QUEUED, JobState.RUNNING)
    rows = Job.objects.filter(state__in=open_states).values_list("state").annotate(n=Count("pk"))
    found = dict(rows.order_by())
    for state in open_states:
        family.add_metric([state.value], found.get(state.value, 0))
    return family


def _messages(now: datetime) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "aision_spool_messages", "Messages that wait to be sent.", labels=["target"]
    )
    oldest = GaugeMetricFamily(
        "aision_spool_oldest_age_seconds", "Age of the oldest that waits.", labels=["target"]
    )
    rows = (
        SpooledMessage.objects.filter(state=MessageState.WAITING)
        .values_list("target")
        .annotate(n=Count("pk"), oldest=Min("created_at"))
        .order_by("target")
    )
    found = {target: (count, since) for target, count, since in rows}
    for target, (count, since) in ({"mqtt": (0, now)} | found).items():
        waiting.add_metric([target], count)
        oldest.add_metric([target], max(0.0, (now - since).total_seconds()))
    up = GaugeMetricFamily("aision_broker_up", "1 while the MQTT broker is connected.")
    up.add_metric([], float(message_settings().link == "up"))
    yield from (waiting, oldest, up)
