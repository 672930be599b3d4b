from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer, channel_layers, get_channel_layer

from sensing.consumers import read_watch, same_origin
from sensing.live import (
    LEASE_LASTS_S,
    MAX_EVENTS,
    SENSING_GROUP,
    Client,
    Hub,
    Leases,
    LiveItem,
    publish,
)


def item(camera: int, kind: str, data: str | bytes = "{}") -> LiveItem:
    return LiveItem(camera=camera, kind=kind, data=data)  # type: ignore[typeddict-item]


async def test_a_client_holds_only_the_latest_overlay_of_each_camera_it_watches() -> None:
    client = Client(cameras=frozenset({1, 2}))
    for number in range(1000):
        client.offer(item(1, "overlay", f"first {number}"))
        client.offer(item(3, "overlay", "not watched"))
    client.offer(item(2, "overlay", "second"))
    assert client.take() == ["first 999", "second"]
    assert client.take() == []


async def test_pictures_go_only_to_those_who_asked_for_them() -> None:
    watcher = Client(cameras=frozenset({1}))
    viewer = Client(cameras=frozenset({1}), pictures=frozenset({1}))
    for client in (watcher, viewer):
        client.offer(item(1, "picture", b"jpeg"))
    assert watcher.take() == []
    assert viewer.take() == [b"jpeg"]


async def test_crossings_come_before_overlays_and_a_backlog_is_bounded() -> None:
    client = Client(cameras=frozenset({1}))
    client.offer(item(1, "overlay", "overlay"))
    for number in range(MAX_EVENTS + 50):
        client.offer(item(1, "crossing", str(number)))
    waiting = client.take()
    assert waiting[-1] == "overlay"
    assert len(waiting) == MAX_EVENTS + 1
    assert waiting[0] == "50"


async def test_every_rollback_reaches_a_watcher_and_of_shadow_reports_the_latest() -> None:
    client = Client(cameras=frozenset({1}))
    for number in range(3):
        client.offer(item(1, "shadow", f"report {number}"))
        client.offer(item(1, "rolled_back", f"cause {number}"))
        client.offer(item(2, "rolled_back", "not watched"))
    assert client.take() == ["cause 0", "cause 1", "cause 2", "report 2"]


async def test_one_published_batch_reaches_every_client_of_a_hub() -> None:
    hub, clients = Hub(), [Client(), Client(), Client()]
    for client in clients:
        await hub.join(client)
        hub.watch(client, frozenset({1}), frozenset())
    for _ in range(100):  # the hub joins its group in the background
        await publish([item(1, "status", "live")])
        await asyncio.sleep(0.01)
        if all(c.latest for c in clients):
            break
    assert [c.take() for c in clients] == [["live"]] * 3
    for client in clients:
        await hub.leave(client)


async def test_the_last_client_that_leaves_takes_its_leases_back() -> None:
    channel_layers.backends.clear()
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(SENSING_GROUP, channel)
    hub, client, leases = Hub(), Client(), Leases()
    await hub.join(client)
    hub.watch(client, frozenset({1}), frozenset({2}))
    while leases.watched(0.0) != (frozenset({1, 2}), frozenset({2})):
        leases.renew(await asyncio.wait_for(layer.receive(channel), 5), now_s=0.0)
    await hub.leave(client)
    while leases.watched(0.0) != (frozenset(), frozenset()):
        leases.renew(await asyncio.wait_for(layer.receive(channel), 5), now_s=0.0)


async def test_a_page_that_is_loaded_again_gets_what_is_published() -> None:
    channel_layers.backends.clear()
    hub, before, after = Hub(), Client(), Client()
    await hub.join(before)
    # The old page leaves while the new one joins: neither waits for the other.
    leaving = asyncio.create_task(hub.leave(before))
    send_lease = hub._send_lease

    async def slow_lease() -> None:
        await asyncio.sleep(0.05)
        await send_lease()

    hub._send_lease = slow_lease  # type: ignore[method-assign]
    await asyncio.sleep(0.01)
    await hub.join(after)
    await leaving
    hub.watch(after, frozenset({1}), frozenset())
    for _ in range(100):
        await publish([item(1, "status", "live")])
        await asyncio.sleep(0.01)
        if after.latest:
            break
    assert after.take() == ["live"]
    await hub.leave(after)


class Away(InMemoryChannelLayer):
    """A message service that can be away."""

    away = True

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if self.away:
            raise ConnectionError("no message service")
        await super().group_send(group, message)

    async def group_add(self, group: str, channel: str) -> None:
        if self.away:
            raise ConnectionError("no message service")
        await super().group_add(group, channel)


async def test_a_hub_works_again_when_the_message_service_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = Away()
    monkeypatch.setitem(channel_layers.backends, "default", layer)
    monkeypatch.setattr("sensing.live.RETRY_AFTER_S", 0.01)
    monkeypatch.setattr("sensing.live.LEASE_EVERY_S", 0.01)
    hub, client, leases = Hub(), Client(), Leases()
    await hub.join(client)
    hub.watch(client, frozenset({1}), frozenset())
    await asyncio.sleep(0.05)
    layer.away = False
    channel = await layer.new_channel()
    await layer.group_add(SENSING_GROUP, channel)
    while leases.watched(0.0) != (frozenset({1}), frozenset()):
        leases.renew(await asyncio.wait_for(layer.receive(channel), 5), now_s=0.0)
    for _ in range(100):
        await publish([item(1, "status", "live")])
        await asyncio.sleep(0.02)
        if client.latest:
            break
    assert client.take() == ["live"]
    await hub.leave(client)


def test_leases_of_a_hub_that_died_run_out() -> None:
    leases = Leases()
    leases.renew({"hub": "a", "cameras": [1], "pictures": [1]}, now_s=10.0)
    leases.renew({"hub": "b", "cameras": [2], "pictures": []}, now_s=14.0)
    assert leases.watched(15.0) == (frozenset({1, 2}), frozenset({1}))
    assert leases.watched(10.1 + LEASE_LASTS_S) == (frozenset({2}), frozenset())
    assert leases.watched(14.1 + LEASE_LASTS_S) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        '"watch"',
        "{}",
        '{"cameras": 1}',
        '{"cameras": ["1"]}',
        '{"cameras": [-1]}',
        '{"cameras": [true]}',
        '{"cameras": [1], "pictures": {"1": true}}',
        json.dumps({"cameras": list(range(1, 1000))}),
        json.dumps({"cameras": [2**40]}),
        "[" * 100_000,
    ],
)
def test_nonsense_from_a_browser_is_told_apart_from_a_watch(text: str) -> None:
    assert read_watch(text) is None


def test_a_watch_names_cameras_and_pictures() -> None:
    assert read_watch('{"type":"watch","cameras":[1,2],"pictures":[2]}') == (
        frozenset({1, 2}),
        frozenset({2}),
    )


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (b"", True),
        (b"http://gateway.local:8000", True),
        (b"https://gateway.local:8000", True),
        (b"http://evil.example", False),
        (b"http://gateway.local:9000", False),
        (b"null", False),
        (b"http://[gateway.local", False),
    ],
)
def test_a_page_of_another_site_may_not_listen(origin: bytes, allowed: bool) -> None:
    headers = [(b"host", b"gateway.local:8000")] + ([(b"origin", origin)] if origin else [])
    assert same_origin({"headers": headers}) is allowed
