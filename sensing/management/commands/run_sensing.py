"""Run the cameras: plan → supervisor → workers → writer, until SIGTERM."""

from __future__ import annotations

import logging
import signal
import threading
import time
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from sensing.live import LiveItem, encode
from sensing.messaging.run import Messaging
from sensing.planning import plan_fingerprint, worker_plan
from sensing.publishing import (
    overlay_item,
    picture_item,
    rolled_back_item,
    shadow_item,
    status_item,
)
from sensing.uplink import Uplink
from sensing.worker.messages import (
    DriftReport,
    Facts,
    Lasting,
    Message,
    Overlay,
    Picture,
    RolledBack,
    ShadowReport,
    Status,
    StripBlock,
    TrialPassed,
)
from sensing.worker.supervisor import Supervisor
from sensing.writer import Writer

log = logging.getLogger(__name__)

PLAN_EVERY_S = 1.0
STOP_WORKERS_S = 2.2
STOP_WRITER_S = 1.5


class Command(BaseCommand):
    help = "Senses all cameras and stores what they count, until it is told to stop."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()

        def stop_soon(signum: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, stop_soon)
        signal.signal(signal.SIGINT, stop_soon)
        Sensing(stop).run()


class Sensing:
    """The sensing process: small units, called in turn until it is stopped."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._uplink = Uplink(settings.UPLINK_URL, settings.UPLINK_TOKEN)
        self._writer = Writer(self._uplink)
        self._supervisor = Supervisor()
        self._messaging = Messaging()
        self._fingerprint: object = None
        self._plan_due_s = 0.0

    def run(self) -> None:
        self._uplink.start()
        self._writer.start()
        self._messaging.start()
        try:
            while not self._stop.is_set():
                self._follow_plan()
                overlays, pictures = self._uplink.watched()
                self._supervisor.watch(pictures)
                for message in self._supervisor.poll(0.1):
                    self._hand_on(message, overlays)
        finally:
            self._finish()

    def _follow_plan(self) -> None:
        if time.monotonic() < self._plan_due_s:
            return
        self._plan_due_s = time.monotonic() + PLAN_EVERY_S
        try:
            fingerprint = plan_fingerprint()
            if fingerprint == self._fingerprint:
                return
            plan = worker_plan()
        except DatabaseError:
            # The cameras run on; a lost connection is opened again at the next look.
            log.exception("plan not read, cameras run on as they are")
            connection.close()
            return
        self._supervisor.apply(plan)
        self._fingerprint = fingerprint
        self._uplink.send(LiveItem(camera=0, kind="cameras", data=encode({"type": "cameras"})))

    def _hand_on(self, message: Message, overlays: frozenset[int]) -> None:
        match message:
            case Facts() | TrialPassed() | StripBlock() | DriftReport():
                self._writer.put(message)
            case Status():
                self._writer.put(message)
                self._uplink.send(status_item(message))
            case RolledBack():
                self._writer.put(message)
                self._uplink.send(rolled_back_item(message))
            case ShadowReport():
                self._writer.put(message)
                self._uplink.send(shadow_item(message))
            case Overlay():
                if message.camera_id in overlays:
                    self._uplink.send(overlay_item(message))
            case Picture():
                self._uplink.send(picture_item(message))

    def _finish(self) -> None:
        self._messaging.stop()  # says good-bye while the workers end
        for message in self._supervisor.stop(STOP_WORKERS_S):
            if isinstance(message, Lasting):
                self._writer.put(message)
        lost = self._writer.finish(STOP_WRITER_S)
        if lost:
            log.error("stopped with %d batches of results not stored", lost)
        self._uplink.stop()
