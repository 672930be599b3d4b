from __future__ import annotations

import threading
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

from sensing.worker.messages import Facts, Overlay, Picture, Status
from sensing.worker.outbox import Beat, Outbox

Ends = tuple[Connection, Outbox]


@pytest.fixture
def ends() -> Iterator[Ends]:
    reader, writer = Pipe(duplex=False)
    yield reader, Outbox(writer)
    reader.close()


def large_picture(number: int) -> Picture:
    return Picture(1, float(number), bytes(200_000))


def test_messages_arrive_as_they_were_sent(ends: Ends) -> None:
    reader, outbox = ends
    facts = Facts(1, "run", 0, observed_s={5: 1.0})
    outbox.put(facts)
    assert reader.recv() == facts
    outbox.beat(3.0)
    assert reader.recv() == Beat(3.0)
    assert outbox.flush(10.0)


def test_no_fact_is_lost_when_the_reader_sleeps_but_old_overlays_are(ends: Ends) -> None:
    reader, outbox = ends
    outbox.show_picture(large_picture(0))  # fills the pipe: the sender waits from here on
    while not reader.poll(0.05):
        pass
    for number in range(500):
        outbox.put(Facts(1, "run", number))
        outbox.show(Overlay(1, float(number), ()))
        outbox.show_picture(large_picture(number))
    received = [reader.recv() for _ in range(1 + 500 + 2)]
    facts = [message.sequence for message in received if isinstance(message, Facts)]
    overlays = [message for message in received if isinstance(message, Overlay)]
    assert facts == list(range(500))
    assert [overlay.captured_at_s for overlay in overlays] == [499.0]
    assert outbox.overlays_dropped == 499
    assert outbox.pictures_dropped == 499
    assert outbox.flush(10.0)


def test_an_older_status_is_never_sent_after_a_newer_one(ends: Ends) -> None:
    reader, outbox = ends
    outbox.show_picture(large_picture(0))
    while not reader.poll(0.05):
        pass
    outbox.refresh(Status(1, "run", "live"))
    outbox.put(Status(1, "run", "stalled"))
    outbox.beat(1.0)
    received = [reader.recv() for _ in range(3)]
    states = [message.state for message in received if isinstance(message, Status)]
    assert states == ["stalled"]


def test_a_reader_that_is_gone_is_noticed_and_nobody_waits_for_it(ends: Ends) -> None:
    reader, outbox = ends
    reader.close()
    outbox.put(Facts(1, "run", 0))
    assert outbox.broken.wait(10.0)
    done = threading.Event()

    def fill() -> None:
        for number in range(5000):
            outbox.put(Facts(1, "run", number))
        done.set()

    threading.Thread(target=fill, daemon=True).start()
    assert done.wait(30.0)
    assert not outbox.flush(0.1)
