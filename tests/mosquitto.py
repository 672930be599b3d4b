"""A private MQTT broker that tests may kill and start again, and its subscriber."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.services import ServiceMissing, answers, free_port, mosquitto_binary


class Mosquitto:
    """Keeps sessions and messages on disk, as a broker must that loses nothing."""

    def __init__(self, folder: Path, port: int = 0, more: str = "") -> None:
        self.port = port or free_port()
        folder.mkdir(parents=True, exist_ok=True)
        # Started as root it would give up its rights, and with them this folder.
        user = "user root\n" if os.getuid() == 0 else ""
        self._settings = folder / "mosquitto.conf"
        access = more or "allow_anonymous true\n"
        self._settings.write_text(
            f"listener {self.port} 127.0.0.1\n{user}{access}"
            f"persistence true\npersistence_location {folder}/\n"
            "autosave_on_changes true\nautosave_interval 1\n"
            "max_inflight_messages 100\nmax_queued_messages 0\nlog_dest none\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        try:
            binary = mosquitto_binary()
        except ServiceMissing as missing:
            pytest.skip(f"{missing}: scripts/test installs it where it may")
        self._process = subprocess.Popen(
            [binary, "-c", str(self._settings)], stderr=subprocess.DEVNULL
        )
        wait_until(lambda: answers(f"mqtt://127.0.0.1:{self.port}"))

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """As a service manager does it: the broker says good-bye and saves what it has."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


@contextmanager
def mosquitto(folder: Path, more: str = "") -> Iterator[Mosquitto]:
    broker = Mosquitto(folder, more=more)
    try:
        yield broker
    finally:
        broker.kill()


class Subscriber:
    """Reads with QoS 2 in a session that the broker keeps while it or the subscriber is away."""

    def __init__(self, port: int, topic: str = "aision/#", name: str = "reader") -> None:
        self.messages: list[tuple[str, str, bool]] = []
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 2)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.messages.append(
            (message.topic, message.payload.decode(), message.retain)
        )
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port, clean_start=False, properties=properties)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def of(self, ending: str) -> list[dict[str, Any]]:
        """The messages of topics that end so."""
        found = [text for topic, text, _ in self.messages if topic.endswith(ending)]
        return [json.loads(text) for text in found if text]

    def last(self, topic: str) -> str | None:
        found = [text for name, text, _ in self.messages if name == topic]
        return found[-1] if found else None

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def subscriber(port: int, topic: str = "aision/#") -> Iterator[Subscriber]:
    reader = Subscriber(port, topic)
    try:
        yield reader
    finally:
        reader.close()


def wait_until(done: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline_s, "did not happen in time"
        time.sleep(0.02)
