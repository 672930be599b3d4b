"""The spool → webhooks: signed, in order, tried again with growing pauses, given up after days."""

from __future__ import annotations

import random
import threading
import time
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import timezone

from sensing.messaging.errors import Undelivered
from sensing.messaging.post import post
from sensing.messaging.signing import signature
from sensing.models import LinkChoice, MessageState, SpooledMessage, Webhook
from sensing.services.spool import note_link

AT_ONCE = 50
# A receiver that is away: from five seconds to a quarter of an hour.
AWAY_S, AWAY_MOST_S = 5.0, 900.0
# A message that was refused: from a minute to six hours, while the others go on.
REFUSED_S, REFUSED_MOST_S = 60.0, 6 * 3600.0
JITTER = 0.2


class WebhookSender:
    """``step`` tries once what is due."""

    def __init__(self) -> None:
        self.wake = threading.Event()
        self._away_until_s: dict[int, float] = {}
        self._failures: dict[int, int] = {}
        self._changed: dict[int, datetime | None] = {}

    def step(self) -> None:
        for hook in Webhook.objects.all():
            if self._changed.get(hook.pk) != hook.updated_at:
                # A person changed something, most likely because it did not work.
                self._changed[hook.pk] = hook.updated_at
                self._away_until_s.pop(hook.pk, None)
                self._failures.pop(hook.pk, None)
            if not hook.enabled:
                note_link(hook, LinkChoice.OFF)
            elif time.monotonic() >= self._away_until_s.get(hook.pk, 0.0):
                self._empty(hook)

    def _empty(self, hook: Webhook) -> None:
        """Post what is due until the receiver does not answer well."""
        now = timezone.now()
        rows = SpooledMessage.objects.filter(
            Q(due_at=None) | Q(due_at__lte=now), target=hook.target, state=MessageState.WAITING
        ).order_by("pk")
        for row in rows[:AT_ONCE]:
            try:
                answer = deliver(hook, row)
            except Undelivered as problem:
                _note_failure(row, problem)
                note_link(hook, LinkChoice.DOWN, problem)
                if not problem.one_message:
                    self._stay_away(hook)
                    return
            else:
                self._failures.pop(hook.pk, None)
                _note_delivered(hook, row, answer)

    def _stay_away(self, hook: Webhook) -> None:
        failures = self._failures.get(hook.pk, 0)
        self._failures[hook.pk] = failures + 1
        self._away_until_s[hook.pk] = time.monotonic() + pause_s(failures, AWAY_S, AWAY_MOST_S)


def deliver(hook: Webhook, row: SpooledMessage) -> str:
    """Post one message, signed as of now; returns the answer in short. Raises ``Undelivered``."""
    body, timestamp_s = row.payload.encode(), int(time.time())
    # A repeat of a message has its id, a correction has another one.
    message_id = f"{row.key}/r{row.revision}"
    return post(
        hook.url,
        body,
        {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": signature(hook.secret, message_id, timestamp_s, body),
        },
    )


def pause_s(failures: int, first_s: float, most_s: float) -> float:
    """How long to wait after so many failures before this one."""
    pause: float = min(first_s * 2.0 ** min(failures, 30), most_s)
    # Many gateways before one receiver must not all knock in the same second.
    return pause * (1.0 + JITTER * random.uniform(-1.0, 1.0))


def _note_delivered(hook: Webhook, row: SpooledMessage, answer: str) -> None:
    now = timezone.now()
    SpooledMessage.objects.filter(pk=row.pk).update(
        state=MessageState.DELIVERED,
        attempts=F("attempts") + 1,
        answer=answer,
        due_at=None,
        finished_at=now,
    )
    Webhook.objects.filter(pk=hook.pk).update(delivered=F("delivered") + 1, delivered_at=now)
    note_link(hook, LinkChoice.UP)


def _note_failure(row: SpooledMessage, problem: Undelivered) -> None:
    row.attempts += 1
    row.answer = (problem.detail or problem.code)[:160]
    if problem.one_message:
        wait_s = pause_s(row.attempts - 1, REFUSED_S, REFUSED_MOST_S)
        row.due_at = timezone.now() + timedelta(seconds=wait_s)
    row.save(update_fields=["attempts", "answer", "due_at"])
