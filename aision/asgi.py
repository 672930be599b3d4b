"""The ASGI application: pages and REST over HTTP, live data over websockets."""

from __future__ import annotations

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aision.settings")
http = get_asgi_application()

from aision.websockets import WithoutBroker, unreachable_errors  # noqa: E402
from sensing.routing import websocket_urlpatterns  # noqa: E402  needs the app registry

live = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
application = ProtocolTypeRouter(
    {"http": http, "websocket": WithoutBroker(live, unreachable_errors(settings.REDIS_URL))}
)
