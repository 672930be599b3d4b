"""The spool → the MQTT broker."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque

from django.db.models import F
from django.utils import timezone

from sensing.messaging.errors import Undelivered
from sensing.messaging.kept import Kept
from sensing.messaging.link import BrokerAddress, Link
from sensing.messaging.topics import Topics
from sensing.models import BROKER, LinkChoice, MessageSettings, MessageState, SpooledMessage
from sensing.selectors.messaging import message_settings
from sensing.services.messaging import broker_address
from sensing.services.spool import note_link, spool

log = logging.getLogger(__name__)

ON_THE_WAY = 50
NEW_LINK_AFTER_S = 5.0
REFUSED_FOR_S = 60.0
BROKER_PASSES_ON_WITHIN_S = 1.0
REMEMBERED_S = 60.0
"""A lost connection may be seen that late."""


class MqttSender:
    """``step`` does what can be done now; the broker being away is nothing special."""

    def __init__(self) -> None:
        self.wake = threading.Event()
        self._link: Link | None = None
        self._address: BrokerAddress | None = None
        self._connections = 0
        self._next_link_s = 0.0
        self._refused_until_s = 0.0
        self._on_the_way: dict[int, SpooledMessage] = {}  # by packet number
        self._taken: list[SpooledMessage] = []
        self._recent: deque[tuple[float, SpooledMessage]] = deque()
        self._kept = Kept()

    def step(self) -> None:
        settings = message_settings()
        if not settings.enabled or not settings.host:
            self.close()
            note_link(settings, LinkChoice.OFF)
            return
        self._follow(settings)
        link = self._link
        if link is None:
            return
        link.tick()
        self._read_answers(link)
        self._delete_taken()
        if link.crashed or link.lost_session:
            self._put_back(link)
        note_link(
            settings,
            LinkChoice.UP
            if link.up
            else LinkChoice.DOWN
            if link.problem
            else LinkChoice.CONNECTING,
            link.problem,
        )
        if link.up:
            if link.connections != self._connections:
                self._connections = link.connections
                self._kept.published.clear()  # the broker may have forgotten
            self._kept.step(link, settings)
            if time.monotonic() >= self._refused_until_s:
                self._send(link)

    def close(self) -> None:
        """Say good-bye. What the broker did not acknowledge stays in the spool."""
        if self._link is not None:
            self._link.close("offline")
        self._forget_link()

    def _follow(self, settings: MessageSettings) -> None:
        """Have a link to the broker that is wanted."""
        address, link = broker_address(settings), self._link
        if link is not None and (address != self._address or link.lost_session):
            link.close()
            self._forget_link()
        elif link is not None and link.problem and not link.connections:
            # paho would go on with a session that this link never had: begin anew instead.
            if time.monotonic() < self._next_link_s:
                return
            link.close()
            self._forget_link()
        if self._link is None:
            self._address = address
            self._next_link_s = time.monotonic() + NEW_LINK_AFTER_S
            try:
                self._link = Link(address, self.wake)
            except Undelivered as problem:
                note_link(settings, LinkChoice.DOWN, problem)

    def _forget_link(self) -> None:
        self._link, self._connections = None, 0
        self._on_the_way.clear()
        self._kept = Kept()

    def _send(self, link: Link) -> None:
        free = ON_THE_WAY - len(self._on_the_way)
        if free <= 0:
            return
        rows = SpooledMessage.objects.filter(target=BROKER, state=MessageState.WAITING)
        known = [row.pk for row in (*self._on_the_way.values(), *self._taken)]
        rows = rows.exclude(pk__in=known).order_by("pk")
        topics = Topics(self._address.base_topic if self._address else "")
        for row in rows[:free]:
            number = link.publish(topics.interval(row.camera_id), row.payload, qos=2)
            self._on_the_way[number] = row

    def _read_answers(self, link: Link) -> None:
        for number, taken in link.acknowledged():
            row = self._on_the_way.pop(number, None)
            if row is None:
                self._kept.answered(number)
            elif taken:
                self._taken.append(row)
            else:
                log.warning("the broker refused a message; tried again in %.0f s", REFUSED_FOR_S)
                self._refused_until_s = time.monotonic() + REFUSED_FOR_S
                link.problem = Undelivered("not_authorised")

    def _delete_taken(self) -> None:
        if not self._taken:
            return
        SpooledMessage.objects.filter(pk__in=[row.pk for row in self._taken]).delete()
        MessageSettings.objects.filter(pk=1).update(
            delivered=F("delivered") + len(self._taken), delivered_at=timezone.now()
        )
        now_s = time.monotonic()
        self._recent += [(now_s, row) for row in self._taken]
        self._taken.clear()
        while self._recent[0][0] < now_s - REMEMBERED_S:
            self._recent.popleft()
        self.wake.set()  # there is room for more

    def _put_back(self, link: Link) -> None:
        """A broker passes a message on after it has acknowledged it. One that crashed may have lost
        those of its last moment: they are sent again, with the id that they had."""
        link.crashed = False
        since_s = link.lost_at_s - BROKER_PASSES_ON_WITHIN_S
        again = [row for taken_s, row in self._recent if taken_s >= since_s]
        self._recent.clear()
        if again:
            spool(again)  # with their own row numbers: before all that waits
            MessageSettings.objects.filter(pk=1).update(delivered=F("delivered") - len(again))
            log.warning("the broker crashed: its last %d messages are sent again", len(again))
