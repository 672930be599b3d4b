"""Websocket addresses."""

from __future__ import annotations

from typing import Any, cast

from django.urls import path

from sensing.consumers import LiveConsumer, UplinkConsumer

# django's types do not know that channels routes ASGI applications with path()
websocket_urlpatterns: list[Any] = [
    path("ws/live/", cast(Any, LiveConsumer.as_asgi())),
    path("ws/sensing/", cast(Any, UplinkConsumer.as_asgi())),
]
