from __future__ import annotations

import json
import struct
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from sensing.consumers import CLOSE_NONSENSE, CLOSE_NOT_ALLOWED
from tests.e2e.session import live_socket, logged_in
from tests.gateway import RunningGateway

PATIENCE_S = 300


def messages_until(socket: ClientConnection, wanted: set[str]) -> dict[str, Any]:
    """Read until one message of each wanted type has come; the last of each."""
    seen: dict[str, Any] = {}
    deadline_s = time.monotonic() + PATIENCE_S
    while not wanted <= set(seen):
        data = socket.recv(timeout=max(0.1, deadline_s - time.monotonic()))
        if isinstance(data, bytes):
            seen["picture"] = data
        else:
            message = json.loads(data)
            seen[message["type"]] = message
    return seen


def watch(socket: ClientConnection, cameras: list[int], pictures: list[int]) -> None:
    socket.send(json.dumps({"type": "watch", "cameras": cameras, "pictures": pictures}))


def test_a_watcher_is_sent_state_boxes_counts_and_pictures(live_gateway: RunningGateway) -> None:
    with logged_in(live_gateway) as client, live_socket(live_gateway, client) as socket:
        hello = messages_until(socket, {"hello"})["hello"]
        ids = [camera["id"] for camera in hello["cameras"]]
        assert len(ids) == 2
        watch(socket, ids, ids[:1])
        seen = messages_until(socket, {"status", "overlay", "picture", "crossing", "counts"})
        counts = seen["counts"]
        while not counted_today(counts):  # the first may tell of a minute that only began
            counts = messages_until(socket, {"counts"})["counts"]
    camera, captured_at_s = struct.unpack(">Id", seen["picture"][:12])
    assert camera == ids[0]
    assert abs(captured_at_s - time.time()) < PATIENCE_S
    assert seen["picture"][12:14] == b"\xff\xd8"  # JPEG
    assert seen["status"]["camera"] in ids
    for _, name, x1, y1, x2, y2, confidence, _ in seen["overlay"]["boxes"]:
        assert name in {"person", "bicycle", "motorcycle", "car", "bus", "truck"}
        assert x1 < x2
        assert y1 < y2
        assert 0 <= confidence <= 1
    assert seen["crossing"]["direction"] in {"forward", "backward"}
    assert counts["camera"] in ids


def counted_today(message: dict[str, Any]) -> int:
    today = message["counts"]["today"]
    return sum(n for line in today.values() for way in line.values() for n in way.values())


def test_a_stranger_is_refused(live_gateway: RunningGateway) -> None:
    with live_socket(live_gateway, None) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=PATIENCE_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CLOSE_NOT_ALLOWED


def test_a_page_of_another_site_is_refused(live_gateway: RunningGateway) -> None:
    with (
        logged_in(live_gateway) as client,
        live_socket(live_gateway, client, Origin="http://evil.example") as socket,
        pytest.raises(ConnectionClosed) as closed,
    ):
        socket.recv(timeout=PATIENCE_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CLOSE_NOT_ALLOWED


def test_nonsense_ends_the_connection_and_nothing_else(live_gateway: RunningGateway) -> None:
    with logged_in(live_gateway) as client:
        with live_socket(live_gateway, client) as socket:
            socket.send("this is not a message")
            with pytest.raises(ConnectionClosed) as closed:
                messages_until(socket, {"a message that never comes"})
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == CLOSE_NONSENSE
        with live_socket(live_gateway, client) as socket:
            assert messages_until(socket, {"hello"})


def test_a_client_that_stops_reading_does_not_hold_up_the_others(
    live_gateway: RunningGateway,
) -> None:
    with logged_in(live_gateway) as client, live_socket(live_gateway, client) as deaf:
        ids = [c["id"] for c in messages_until(deaf, {"hello"})["hello"]["cameras"]]
        watch(deaf, ids, ids)  # asks for everything, and never reads again
        with live_socket(live_gateway, client) as socket:
            watch(socket, ids, ids)
            for _ in range(40):
                messages_until(socket, {"overlay", "picture"})
