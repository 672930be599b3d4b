"""Messages that wait for their targets: bounded, and what is given up is noted."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Min, Q
from django.utils import timezone

from sensing.messaging.errors import Undelivered
from sensing.models import (
    BROKER,
    LinkChoice,
    MessageKind,
    MessageSettings,
    MessageState,
    SpooledMessage,
    Webhook,
)
from sensing.selectors.messaging import message_settings

logger = logging.getLogger(__name__)

Target = MessageSettings | Webhook


def spool(messages: Iterable[SpooledMessage]) -> None:
    """Put messages behind those that wait; one that is there already is not put again."""
    SpooledMessage.objects.bulk_create(messages, batch_size=500, ignore_conflicts=True)


def spool_bound(target: Target, *, days: int, rows: int, now: datetime) -> int:
    """Give up what waits for longer than ``days`` and, beyond ``rows`` messages, the oldest.

    Notes on the target how many were given up, and from when to when they were about. Returns how
    many. A webhook's stay in its list for a while, the broker's are deleted.
    """
    waiting = SpooledMessage.objects.filter(target=target_name(target), state=MessageState.WAITING)
    newest_first = waiting.order_by("-pk").values_list("pk", flat=True)
    full = newest_first[rows : rows + 1].first() or 0
    excess = waiting.filter(Q(created_at__lt=now - timedelta(days=days)) | Q(pk__lte=full))
    lost = excess.aggregate(first=Min("about"), last=Max("about"))
    if lost["first"] is None:
        return 0
    with transaction.atomic():
        if isinstance(target, Webhook):
            dropped = excess.update(state=MessageState.GIVEN_UP, finished_at=now)
        else:
            dropped = excess.delete()[0]
        _note_dropped(target, dropped, lost["first"], lost["last"])
    logger.error(
        "%s: %d messages given up, about %s to %s",
        target_name(target),
        dropped,
        lost["first"],
        lost["last"],
    )
    return dropped


def target_name(target: Target) -> str:
    return target.target if isinstance(target, Webhook) else BROKER


def _note_dropped(target: Target, count: int, first: datetime, last: datetime) -> None:
    target.refresh_from_db(fields=["dropped", "dropped_from", "dropped_until"])
    target.dropped += count
    target.dropped_from = min(first, target.dropped_from or first)
    target.dropped_until = max(last, target.dropped_until or last)
    target.save(update_fields=["dropped", "dropped_from", "dropped_until"])


def dropped_seen(target: Target) -> None:
    """A person has read what was dropped: count anew."""
    target.dropped, target.dropped_from, target.dropped_until = 0, None, None
    target.save(update_fields=["dropped", "dropped_from", "dropped_until"])


def note_link(target: Target, link: LinkChoice, problem: Undelivered | None = None) -> None:
    """Keep how a target is, when that changed."""
    cause, detail = (problem.code, problem.detail[:200]) if problem else ("", "")
    if (target.link, target.cause, target.detail) == (link, cause, detail):
        return
    since = timezone.now() if target.link != link else target.link_since
    target.link, target.cause, target.detail, target.link_since = link, cause, detail, since
    target.save(update_fields=["link", "cause", "detail", "link_since"])


def trial_message(hook: Webhook, now: datetime) -> SpooledMessage:
    """A message that says nothing but that it is a test; not put into the spool."""
    key = f"{message_settings().gateway_name}/test/{int(now.timestamp() * 1000)}"
    return SpooledMessage(
        target=hook.target,
        kind=MessageKind.TEST,
        key=key,
        payload=f'{{"type":"test","id":"{key}"}}',
        about=now,
        created_at=now,
    )


def forget_delivered(hook: Webhook, keep: int, given_up_before: datetime) -> None:
    """Let go of all but the last deliveries, and of what was given up long ago."""
    rows = SpooledMessage.objects.filter(target=hook.target)
    delivered = rows.filter(state=MessageState.DELIVERED)
    for last in delivered.order_by("-pk").values_list("pk", flat=True)[keep : keep + 1]:
        delivered.filter(pk__lte=last).delete()
    rows.filter(state=MessageState.GIVEN_UP, finished_at__lt=given_up_before).delete()
