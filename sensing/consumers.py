"""Websockets: browsers that watch, and the sensing process that reports."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast
from urllib.parse import urlsplit

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError

from sensing.live import SENSING_GROUP, Client, LiveItem, encode, hub, publish
from sensing.selectors import live_snapshot

log = logging.getLogger(__name__)

MAX_WATCHED = 256
SEND_TIMEOUT_S = 20.0
ASK_AGAIN_S = 30.0
CLOSE_TRY_AGAIN = 1013
CLOSE_NOT_ALLOWED = 4403
CLOSE_TOO_SLOW = 4408
CLOSE_NONSENSE = 4400


class LiveConsumer(AsyncWebsocketConsumer):
    """One browser. It says what it watches; it is sent the latest of that, never a backlog."""

    client: Client | None = None
    sender: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.accept()
        if not same_origin(dict(self.scope)) or not await self._may_watch(self.scope.get("user")):
            await self.close(CLOSE_NOT_ALLOWED)
            return
        self.client = Client(changed=True)
        self.client.wake.set()
        await hub().join(self.client)
        self.sender = asyncio.create_task(self._send_waiting(self.client))

    async def disconnect(self, code: int) -> None:
        if self.sender:
            self.sender.cancel()
        if self.client:
            await hub().leave(self.client)
            self.client = None

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        wanted = read_watch(text_data)
        if wanted is None:
            await self.close(CLOSE_NONSENSE)
        elif self.client:
            hub().watch(self.client, *wanted)

    async def _send_waiting(self, client: Client) -> None:
        # A browser that stops reading blocks here, not in the hub; after a while it is let go.
        ask_again_s = time.monotonic() + ASK_AGAIN_S
        try:
            while True:
                await client.wake.wait()
                if time.monotonic() > ask_again_s:
                    ask_again_s = time.monotonic() + ASK_AGAIN_S
                    if not await self._may_still_watch():
                        await self._let_go(client, CLOSE_NOT_ALLOWED)
                        return
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    if client.changed:
                        client.changed = False
                        await self.send(text_data=encode(await self._hello()))
                    for data in client.take():
                        if isinstance(data, bytes):
                            await self.send(bytes_data=data)
                        else:
                            await self.send(text_data=data)
        except TimeoutError:
            await self._let_go(client, CLOSE_TOO_SLOW)
        except DatabaseError:
            log.exception("a browser could not be told of its cameras")
            await self._let_go(client, CLOSE_TRY_AGAIN)

    async def _let_go(self, client: Client, code: int) -> None:
        await hub().leave(client)
        with contextlib.suppress(RuntimeError):
            await self.close(code)

    async def _hello(self) -> dict[str, Any]:
        cameras = await database_sync_to_async(live_snapshot)()
        return {"type": "hello", "cameras": cameras, "server_time": time.time()}

    async def _may_still_watch(self) -> bool:
        """Whether the log-in stands: a person may have logged out or lost the right meanwhile."""
        store = import_module(settings.SESSION_ENGINE).SessionStore
        session = store(self.scope["session"].session_key)
        # Channels' types want a whole scope here; the function reads the session only.
        user = await get_user(cast(Any, {"session": session}))
        return await self._may_watch(user)

    @database_sync_to_async
    def _may_watch(self, user: Any) -> bool:
        return bool(user and user.is_active and user.has_perm("sensing.view_camera"))


class UplinkConsumer(AsyncWebsocketConsumer):
    """The sensing process: its items go to all hubs, the hubs' leases go back to it."""

    async def connect(self) -> None:
        headers = dict(self.scope["headers"])
        expected = f"Bearer {settings.UPLINK_TOKEN}".encode()
        if not hmac.compare_digest(headers.get(b"authorization", b""), expected):
            await self.close(CLOSE_NOT_ALLOWED)
            return
        await self.accept()
        await self.channel_layer.group_add(SENSING_GROUP, self.channel_name)

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(SENSING_GROUP, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if bytes_data is not None:
            camera = int.from_bytes(bytes_data[:4], "big")
            await publish([LiveItem(camera=camera, kind="picture", data=bytes_data)])
        elif text_data is not None:
            await publish([LiveItem(camera=c, kind=k, data=d) for c, k, d in json.loads(text_data)])

    async def watch_lease(self, message: dict[str, Any]) -> None:
        await self.send(text_data=encode({**message, "type": "watch"}))


class NobodyConsumer(AsyncWebsocketConsumer):
    """An address at which nobody listens."""

    async def connect(self) -> None:
        await self.close()


def read_watch(text: str | None) -> tuple[frozenset[int], frozenset[int]] | None:
    """(cameras, pictures) of a watch message; None when it is something else."""
    try:
        message = json.loads(text or "")
        cameras, pictures = message["cameras"], message.get("pictures", [])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    for ids in (cameras, pictures):
        if not isinstance(ids, list) or len(ids) > MAX_WATCHED:
            return None
        if not all(type(i) is int and 0 < i < 2**31 for i in ids):
            return None
    return frozenset(cameras), frozenset(pictures)


def same_origin(scope: Mapping[str, Any]) -> bool:
    """A page of another site must not read this gateway with its visitor's session."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("latin-1")
    if not origin:  # not a browser
        return True
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    host: str = headers.get(b"host", b"").decode("latin-1")
    try:
        return bool(urlsplit(origin).netloc == host)
    except ValueError:  # no URL at all
        return False
