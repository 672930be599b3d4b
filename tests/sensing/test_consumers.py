from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.test import Client

from aision.asgi import application
from sensing import consumers
from sensing.live import hub
from tests.sensing.rows import make_user


def browser(path: str, session_key: str = "") -> ApplicationCommunicator:
    cookie = f"sessionid={session_key}".encode()
    return ApplicationCommunicator(
        application,
        {
            "type": "websocket",
            "path": path,
            "headers": [(b"host", b"gateway.local"), (b"cookie", cookie)],
            "query_string": b"",
            "subprotocols": [],
        },
    )


def viewer() -> Client:
    client = Client()
    client.force_login(make_user("watcher", "viewer"))
    return client


@pytest.mark.django_db(transaction=True)
async def test_whoever_logs_out_is_sent_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "ASK_AGAIN_S", -1.0)  # looked up at each message
    client = await sync_to_async(viewer)()
    socket = browser("/ws/live/", client.cookies["sessionid"].value)
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output(20))["type"] == "websocket.accept"
    assert '"hello"' in (await socket.receive_output(20))["text"]
    await sync_to_async(client.logout)()
    (watching,) = hub().clients
    watching.wake.set()
    closed = await socket.receive_output(20)
    assert (closed["type"], closed["code"]) == ("websocket.close", consumers.CLOSE_NOT_ALLOWED)
    assert not hub().clients
    await socket.send_input({"type": "websocket.disconnect", "code": 4403})


@pytest.mark.django_db(transaction=True)
async def test_an_address_at_which_nobody_listens_is_closed_quietly() -> None:
    socket = browser("/ws/nowhere/")
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output(20))["type"] == "websocket.close"
