"""Three threads of the sensing process that turn results into messages and send them.

They share nothing with the frames' way but the database: a receiver that is away, slow or broken
costs rows in the spool and nothing else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import DatabaseError, connection
from django.utils import timezone

from sensing.messaging.collect import close_intervals, correct_intervals, forget_closed
from sensing.messaging.events import Events
from sensing.messaging.mqtt_sender import MqttSender
from sensing.messaging.webhook_sender import WebhookSender
from sensing.models import Webhook
from sensing.selectors.messaging import message_settings
from sensing.services.spool import forget_delivered, spool_bound

log = logging.getLogger(__name__)

COLLECT_EVERY_S = 2.0
SEND_EVERY_S = 1.0
TIDY_EVERY_S = 60.0
AFTER_TROUBLE_S = 5.0
KEEP_DELIVERED = 50
KEEP_GIVEN_UP = timedelta(days=30)


class Messaging:
    """``start`` and ``stop`` are all that the sensing process knows of it."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._mqtt, self._webhooks = MqttSender(), WebhookSender()
        self._collector = Collector([self._mqtt.wake, self._webhooks.wake])
        self._threads = [
            self._thread("messages", self._collector.step, self._collector.wake, COLLECT_EVERY_S),
            self._thread("mqtt", self._mqtt.step, self._mqtt.wake, SEND_EVERY_S),
            self._thread("webhooks", self._webhooks.step, self._webhooks.wake, SEND_EVERY_S),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 0.0) -> None:
        """Tell the threads to end; what is not sent within ``timeout_s`` stays in the spool."""
        self._stop.set()
        for wake in (self._collector.wake, self._mqtt.wake, self._webhooks.wake):
            wake.set()
        deadline_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _thread(
        self, name: str, step: Callable[[], None], wake: threading.Event, every_s: float
    ) -> threading.Thread:
        return threading.Thread(
            target=self._run, args=(step, wake, every_s), name=name, daemon=True
        )

    def _run(self, step: Callable[[], None], wake: threading.Event, every_s: float) -> None:
        try:
            while not self._stop.is_set():
                wake.clear()
                wake.wait(every_s if _stepped(step) else AFTER_TROUBLE_S)
            if step == self._mqtt.step:
                self._mqtt.close()
        finally:
            connection.close()


class Collector:
    """Fills the spool and keeps it within its bounds."""

    def __init__(self, senders: list[threading.Event]) -> None:
        self.wake = threading.Event()
        self._senders = senders
        self._events = Events()
        self._tidy_due_s = 0.0

    def step(self) -> None:
        now = timezone.now()
        close_intervals(now)
        self._events.step(now)
        if time.monotonic() >= self._tidy_due_s:
            self._tidy_due_s = time.monotonic() + TIDY_EVERY_S
            correct_intervals(now)
            tidy(now)
        for sender in self._senders:
            sender.set()


def tidy(now: datetime) -> None:
    """Hold every spool within its bounds."""
    forget_closed(now)
    settings = message_settings()
    spool_bound(settings, days=settings.keep_days, rows=settings.keep_rows, now=now)
    for hook in Webhook.objects.all():
        spool_bound(hook, days=hook.give_up_days, rows=settings.keep_rows, now=now)
        forget_delivered(hook, KEEP_DELIVERED, now - KEEP_GIVEN_UP)


def _stepped(step: Callable[[], None]) -> bool:
    """Whether a step came to its end. Whatever goes wrong in it, the thread lives on."""
    try:
        step()
    except DatabaseError:
        log.exception("messages wait for the database")
        connection.close()
    except Exception:
        # A boundary: a defect here must not end the messages until somebody restarts the gateway.
        log.exception("messages: a step failed and is tried again")
    else:
        return True
    return False
