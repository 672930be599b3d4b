"""A person's session with a running gateway, over HTTP and websockets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.gateway import PASSWORD, USER, RunningGateway


@contextmanager
def logged_in(gateway: RunningGateway) -> Iterator[httpx.Client]:
    """An HTTP client with the first admin's session and CSRF header."""
    with httpx.Client(base_url=gateway.address, timeout=30, follow_redirects=True) as client:
        page = client.get("/login/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, "the log-in page has no form"
        answer = client.post(
            "/login/",
            data={"username": USER, "password": PASSWORD, "csrfmiddlewaretoken": token[1]},
        )
        assert "sessionid" in client.cookies, answer.text[:500]
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        yield client


def live_socket(
    gateway: RunningGateway, client: httpx.Client | None, **headers: str
) -> ClientConnection:
    """The browser's websocket, with the client's session if one is given."""
    if client:
        headers["Cookie"] = f"sessionid={client.cookies['sessionid']}"
    return connect(
        gateway.address.replace("http", "ws") + "/ws/live/",
        additional_headers=headers,
        open_timeout=20,
        max_size=2**22,
    )
