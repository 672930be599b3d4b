"""Websocket addresses."""

from __future__ import annotations

from typing import Any, cast

from django.urls import path, re_path

from sensing.consumers import LiveConsumer, NobodyConsumer, UplinkConsumer

# django's types do not know that channels routes ASGI applications with path()
websocket_urlpatterns: list[Any] = [
    path("ws/live/", cast(Any, LiveConsumer.as_asgi())),
    path("ws/sensing/", cast(Any, UplinkConsumer.as_asgi())),
    # Without it, any stranger's guess would be a traceback in the log.
    re_path("", cast(Any, NobodyConsumer.as_asgi())),
]
