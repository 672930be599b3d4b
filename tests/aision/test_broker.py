from __future__ import annotations

from pathlib import Path

import pytest
from kombu import Connection, Consumer, Queue

from aision.broker import Channel


def connect(folder: Path) -> Connection:
    return Connection(
        transport="aision.broker:Transport", transport_options={"folder": str(folder)}
    )


def test_a_message_put_by_one_connection_is_taken_by_another(tmp_path: Path) -> None:
    with connect(tmp_path) as sender, sender.SimpleQueue("jobs") as queue:
        queue.put({"job": 1})
        queue.put({"job": 2})
    taken: list[int] = []

    def take(body: dict[str, int], message: object) -> None:
        taken.append(body["job"])

    with (
        connect(tmp_path) as receiver,
        Consumer(receiver, [Queue("jobs")], callbacks=[take], no_ack=True),
    ):
        while len(taken) < 2:
            receiver.drain_events(timeout=5)
    assert taken == [1, 2]


def test_a_message_is_never_visible_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen_at_rename: list[bytes] = []
    rename = Path.rename

    def watching(self: Path, target: Path) -> Path:
        assert not list((tmp_path / "queue").glob("*.msg"))
        seen_at_rename.append(self.read_bytes())
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", watching)
    with connect(tmp_path) as connection:
        channel = connection.channel()
        assert isinstance(channel, Channel)
        channel._put("jobs", {"body": "x" * 10000})
    assert len(seen_at_rename) == 1
    assert seen_at_rename[0].endswith(b"}")
