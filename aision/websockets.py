"""What a websocket gets while Redis is away."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

logger = logging.getLogger(__name__)

TRY_AGAIN_LATER = 1013  # RFC 6455's registry of close codes
SAY_EVERY_S = 60.0

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class WithoutBroker:
    """Closes a websocket whose channel layer cannot be reached, and says so once a minute: pages
    and workers come back by themselves, and a traceback for each try would bury all else."""

    def __init__(self, application: Any, unreachable: tuple[type[Exception], ...]) -> None:
        self._application, self._unreachable = application, unreachable
        self._said_s = -SAY_EVERY_S

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            await self._application(scope, receive, send)
        except self._unreachable as error:
            now_s = time.monotonic()
            if now_s - self._said_s >= SAY_EVERY_S:
                self._said_s = now_s
                logger.warning(
                    "live data is away: expected Redis at AISION_REDIS_URL to answer, got: %s."
                    " Counting goes on; browsers and workers try again by themselves.",
                    error,
                )
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})


def unreachable_errors(redis_url: str) -> tuple[type[Exception], ...]:
    """What the channel layer raises when its broker is away."""
    if not redis_url:
        return ()
    errors = importlib.import_module("redis.exceptions")  # comes with the [scale] extra
    return errors.ConnectionError, errors.TimeoutError
