from __future__ import annotations

import logging
from typing import Any

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer

from aision.websockets import TRY_AGAIN_LATER, WithoutBroker, unreachable_errors


async def no_message() -> dict[str, Any]:
    return {"type": "websocket.connect"}


async def test_a_socket_without_redis_is_told_to_come_back_and_the_log_hears_it_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    layer = RedisPubSubChannelLayer(hosts=["redis://127.0.0.1:1/0"])

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await layer.new_channel()

    guarded = WithoutBroker(application, unreachable_errors("redis://127.0.0.1:1/0"))
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    with caplog.at_level(logging.WARNING, "aision.websockets"):
        for _ in range(3):
            await guarded({"type": "websocket"}, no_message, send)
    assert sent == [{"type": "websocket.close", "code": TRY_AGAIN_LATER}] * 3
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "AISION_REDIS_URL" in caplog.text


async def never(message: dict[str, Any]) -> None:
    raise AssertionError(message)


async def test_other_faults_are_not_hidden() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        await WithoutBroker(application, unreachable_errors("redis://x"))({}, no_message, never)
    assert unreachable_errors("") == ()
