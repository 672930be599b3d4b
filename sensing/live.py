"""The only file that talks to the channel layer.

The sensing process sends each batch once to the group ``live``. One hub per web process receives
it and hands it to its clients, so that a hundred browsers cost one group message. A client holds at
most one overlay, one picture and one status per camera: a browser that reads slowly sees fewer
frames and never makes the gateway grow.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict
from weakref import WeakKeyDictionary

from channels.layers import BaseChannelLayer, get_channel_layer
from django.core.exceptions import ImproperlyConfigured

log = logging.getLogger(__name__)

LIVE_GROUP = "live"
SENSING_GROUP = "sensing"
LEASE_EVERY_S = 2.0
LEASE_LASTS_S = 6.0
RETRY_AFTER_S = 1.0
MAX_EVENTS = 200

Kind = Literal[
    "overlay",
    "status",
    "counts",
    "crossing",
    "speed",
    "picture",
    "shadow",
    "rolled_back",
    "cameras",
]
EVENTS = ("crossing", "speed", "rolled_back")
"""Each of them counts; of the other kinds, only the latest of a camera."""


class LiveItem(TypedDict):
    """One message for browsers, encoded once: ``data`` is JSON text, or the bytes of a picture."""

    camera: int
    kind: Kind
    data: str | bytes


@dataclass(eq=False)
class Client:
    """What one browser still has to be sent."""

    cameras: frozenset[int] = frozenset()
    pictures: frozenset[int] = frozenset()
    latest: dict[tuple[str, int], str | bytes] = field(default_factory=dict)
    events: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_EVENTS))
    changed: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, item: LiveItem) -> None:
        camera, kind, data = item["camera"], item["kind"], item["data"]
        if kind == "cameras":
            self.changed = True
        elif kind == "picture":
            if camera not in self.pictures:
                return
            self.latest[kind, camera] = data
        elif camera not in self.cameras:
            return
        elif kind in EVENTS:
            self.events.append(str(data))
        else:
            self.latest[kind, camera] = data
        self.wake.set()

    def take(self) -> list[str | bytes]:
        """Everything waiting, facts first."""
        self.wake.clear()
        waiting: list[str | bytes] = [*self.events, *self.latest.values()]
        self.events.clear()
        self.latest.clear()
        return waiting


class Hub:
    """The one member of the group ``live`` in this process."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(8)
        self.clients: set[Client] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._leases_due = asyncio.Event()

    async def join(self, client: Client) -> None:
        self.clients.add(client)
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._receive()),
                asyncio.create_task(self._renew_leases()),
            ]

    async def leave(self, client: Client) -> None:
        self.clients.discard(client)
        self._leases_due.set()
        if not self.clients:
            await self._send_lease()
        if not self.clients:  # still: a page that is loaded again may have joined meanwhile
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def watch(self, client: Client, cameras: frozenset[int], pictures: frozenset[int]) -> None:
        client.cameras, client.pictures = cameras | pictures, pictures
        self._leases_due.set()

    async def _receive(self) -> None:
        while True:
            try:
                await self._receive_group()
            except Exception as error:  # noqa: BLE001 - boundary: a message service may be away
                log.warning("live messages not received, tried again: %s", error)
                await asyncio.sleep(RETRY_AFTER_S)

    async def _receive_group(self) -> None:
        layer = channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(LIVE_GROUP, channel)
        try:
            while True:
                message = await layer.receive(channel)
                for item in message["items"]:
                    for client in self.clients:
                        client.offer(item)
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await layer.group_discard(LIVE_GROUP, channel)

    async def _renew_leases(self) -> None:
        while True:
            await self._send_lease()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leases_due.wait(), LEASE_EVERY_S)
            self._leases_due.clear()

    async def _send_lease(self) -> None:
        cameras = sorted(frozenset[int]().union(*(c.cameras for c in self.clients)))
        pictures = sorted(frozenset[int]().union(*(c.pictures for c in self.clients)))
        lease = {"type": "watch.lease", "hub": self.id, "cameras": cameras, "pictures": pictures}
        try:
            await channel_layer().group_send(SENSING_GROUP, lease)
        except Exception as error:  # noqa: BLE001 - boundary: a message service may be away
            log.warning("not told who watches, told again with the next lease: %s", error)


def channel_layer() -> BaseChannelLayer:
    """The layer that settings name."""
    layer = get_channel_layer()
    if layer is None:
        raise ImproperlyConfigured("CHANNEL_LAYERS: expected a default layer, got none")
    return layer


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop (one per web process)."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


async def publish(items: list[LiveItem]) -> None:
    """Hand a batch from the sensing process to every hub."""
    await channel_layer().group_send(LIVE_GROUP, {"type": "live.items", "items": items})


class Leases:
    """Which cameras someone watches, as the hubs last said; a hub that died stops counting."""

    def __init__(self) -> None:
        self._hubs: dict[str, tuple[float, frozenset[int], frozenset[int]]] = {}

    def renew(self, message: dict[str, Any], now_s: float | None = None) -> None:
        until = (time.monotonic() if now_s is None else now_s) + LEASE_LASTS_S
        self._hubs[message["hub"]] = (
            until,
            frozenset(message["cameras"]),
            frozenset(message["pictures"]),
        )

    def watched(self, now_s: float | None = None) -> tuple[frozenset[int], frozenset[int]]:
        """(cameras whose overlays are wanted, cameras whose pictures are wanted)."""
        now = time.monotonic() if now_s is None else now_s
        self._hubs = {key: lease for key, lease in self._hubs.items() if lease[0] > now}
        leases = list(self._hubs.values())
        return (
            frozenset[int]().union(*(lease[1] for lease in leases)),
            frozenset[int]().union(*(lease[2] for lease in leases)),
        )


def encode(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
