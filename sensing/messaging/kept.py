"""What the broker keeps for whoever comes later: states, today's totals, discovery."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from sensing.messaging.link import Link
from sensing.messaging.topics import Topics, discovery
from sensing.models import Camera, MessageSettings
from sensing.selectors import CountsSnapshot, camera_list, camera_state_document, counts_of
from sensing.selectors.messaging import message_settings, totals_document

STATES_EVERY_S = 5.0
TOTALS_EVERY_S = 60.0


class Kept:
    """Topics whose last message the broker keeps. What is no longer wanted is taken back, also when
    it was published by a process before this one."""

    def __init__(self) -> None:
        self.published: dict[str, str] = {}
        self._taken_back: dict[int, str] = {}
        self._states_due_s = self._totals_due_s = 0.0
        self._counts: dict[int, CountsSnapshot] = {}

    def step(self, link: Link, settings: MessageSettings) -> None:
        now_s = time.monotonic()
        if now_s < self._states_due_s and self.published:
            return
        self._states_due_s = now_s + STATES_EVERY_S
        wanted = self._wanted(settings, now_s)
        known = set(settings.retained_topics)
        if not wanted.keys() <= known:
            # Noted before they are published: a process that dies in between can take them back.
            known |= wanted.keys()
            _note_topics(settings, known)
        for topic in known - wanted.keys() - set(self._taken_back.values()):
            self._taken_back[link.publish(topic, "", retain=True)] = topic
            self.published.pop(topic, None)
        for topic, payload in wanted.items():
            if self.published.get(topic) != payload:
                link.publish(topic, payload, retain=True)
                self.published[topic] = payload

    def answered(self, number: int) -> None:
        topic = self._taken_back.pop(number, None)
        if topic is not None and topic not in self.published:
            settings = message_settings()
            _note_topics(settings, set(settings.retained_topics) - {topic})

    def _wanted(self, settings: MessageSettings, now_s: float) -> dict[str, str]:
        topics, cameras = Topics(settings.base_topic), list(camera_list())
        if now_s >= self._totals_due_s or not self.published:
            # Today's sums cost the most, and whoever reads them looks once a minute.
            self._totals_due_s = now_s + TOTALS_EVERY_S
            self._counts = counts_of([camera.pk for camera in cameras])
        wanted = {topics.status: "online"}
        for camera in cameras:
            wanted[topics.state(camera.pk)] = _text(state_message(settings, camera))
            if camera.pk in self._counts:
                document = totals_document(camera, self._counts[camera.pk])
                wanted[topics.totals(camera.pk)] = _text(document)
        if settings.discovery:
            described = [
                {"id": camera.pk, "name": camera.name, "scene": camera.scene.document()}
                for camera in cameras
            ]
            prefix, gateway = settings.discovery_prefix, settings.gateway_name
            entities = discovery(prefix, gateway, topics, described)
            wanted |= {topic: _text(entity) for topic, entity in entities.items()}
        return wanted


def state_message(settings: MessageSettings, camera: Camera) -> dict[str, Any]:
    """How a camera is; nothing in it changes while nothing happens."""
    state = camera_state_document(camera)
    since = state["since"]
    return {
        "gateway": settings.gateway_name,
        "camera": {"id": camera.pk, "name": camera.name},
        "state": state["state"],
        "cause": state["cause"],
        "message": state["message"],
        "since": None if since is None else round(since, 3),
    }


def _note_topics(settings: MessageSettings, topics: set[str]) -> None:
    settings.retained_topics = sorted(topics)
    settings.save(update_fields=["retained_topics"])


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
