from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sensing.messaging.mqtt_sender import MqttSender
from sensing.models import BROKER, Camera, MessageSettings, SpooledMessage
from sensing.selectors.messaging import message_settings
from sensing.services import camera_delete, scene_save
from sensing.services.messaging import message_settings_change
from sensing.services.spool import spool
from tests.mosquitto import Mosquitto, Subscriber, mosquitto, subscriber, wait_until
from tests.sensing.rows import NOON_S, SCENE, make_camera

pytestmark = pytest.mark.django_db

AT = datetime.fromtimestamp(NOON_S, UTC)


@pytest.fixture
def sender() -> Iterator[MqttSender]:
    made = MqttSender()
    yield made
    made.close()


def use(broker_port: int, **more: Any) -> None:
    message_settings_change(by=None, enabled=True, host="127.0.0.1", port=broker_port, **more)


def put(*numbers: int, camera: int = 7) -> None:
    """Messages of intervals, named by numbers."""
    spool(
        SpooledMessage(
            target=BROKER,
            kind="interval",
            key=f"k{number}",
            camera_id=camera,
            payload=json.dumps({"number": number}),
            about=AT,
            created_at=AT,
        )
        for number in numbers
    )


def run(sender: MqttSender, done: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Let the sender work until something happened."""

    def stepped() -> bool:
        sender.step()
        return done()

    wait_until(stepped, timeout_s)


def received(reader: Subscriber) -> list[int]:
    return [message["number"] for message in reader.of("/interval")]


def test_a_broker_that_is_away_for_a_while_misses_nothing_and_gets_nothing_twice(
    tmp_path: Path, sender: MqttSender
) -> None:
    with mosquitto(tmp_path) as broker, subscriber(broker.port) as reader:
        use(broker.port)
        put(*range(100))
        run(sender, lambda: len(received(reader)) == 100)
        time.sleep(1.2)  # what is acknowledged in a crashing broker's last second comes again
        broker.kill()
        put(*range(100, 300))
        run(sender, lambda: message_settings().link == "down")
        assert SpooledMessage.objects.count() >= 200
        broker.start()
        run(sender, lambda: len(received(reader)) >= 300 and not SpooledMessage.objects.exists())
        assert received(reader) == list(range(300))
        assert message_settings().delivered == 300


def test_a_broker_killed_amid_a_burst_misses_nothing_and_repeats_only_its_last_moment(
    tmp_path: Path, sender: MqttSender
) -> None:
    with mosquitto(tmp_path) as broker, subscriber(broker.port) as reader:
        use(broker.port)
        put(*range(100))
        run(sender, lambda: len(received(reader)) >= 10)
        broker.kill()
        put(*range(100, 200))
        run(sender, lambda: message_settings().cause == "refused")
        broker.start()
        run(sender, lambda: set(received(reader)) == set(range(200)))
        run(sender, lambda: not SpooledMessage.objects.exists())
        assert {n for n in range(200) if received(reader).count(n) > 1} <= set(range(100))


def test_a_broker_that_lost_its_sessions_gets_again_what_it_did_not_acknowledge(
    tmp_path: Path, sender: MqttSender
) -> None:
    with mosquitto(tmp_path) as broker:
        use(broker.port)
        put(*range(50))
        run(sender, lambda: message_settings().link == "up")
        broker.kill()
        put(*range(50, 100))
        (tmp_path / "mosquitto.db").unlink(missing_ok=True)
        broker.start()
        with subscriber(broker.port) as reader:
            run(sender, lambda: not SpooledMessage.objects.exists())
            wait_until(lambda: set(range(50, 100)) <= set(received(reader)))


def test_a_message_that_the_broker_does_not_allow_stays_in_the_spool(
    tmp_path: Path, sender: MqttSender
) -> None:
    rights = tmp_path / "rights"
    rights.write_text("topic read #\ntopic write aision/status\n")
    rights.chmod(0o644)
    with mosquitto(tmp_path / "broker", f"allow_anonymous true\nacl_file {rights}\n") as broker:
        use(broker.port)
        put(1)
        run(sender, lambda: message_settings().cause == "not_authorised")
        assert SpooledMessage.objects.count() == 1
        assert message_settings().delivered == 0


def test_states_and_discovery_are_kept_and_taken_back(tmp_path: Path, sender: MqttSender) -> None:
    gate, yard = make_camera("Gate"), make_camera("Yard").pk
    with mosquitto(tmp_path) as broker, Listening(broker) as reader:
        use(broker.port, discovery=True, gateway_name="gw")
        topic = f"homeassistant/sensor/gw_{gate.pk}/line_gate_forward/config"
        run(sender, lambda: reader.last(topic) is not None)
        wait_until(lambda: reader.last("aision/status") == "online")
        config = json.loads(reader.last(topic) or "")
        assert config["state_topic"] == f"aision/camera/{gate.pk}/totals"
        assert config["device"]["name"] == "Gate"
        wait_until(lambda: reader.last(f"aision/camera/{gate.pk}/state") is not None)
        state = json.loads(reader.last(f"aision/camera/{gate.pk}/state") or "")
        assert (state["camera"]["name"], state["state"]) == ("Gate", "connecting")
        # A process that begins anew takes back what the one before it had published.
        sender.close()
        wait_until(lambda: reader.last("aision/status") == "offline")
        other = f"homeassistant/sensor/gw_{yard}/state/config"
        camera_delete(camera=Camera.objects.get(pk=yard), by=None)
        scene_save(camera=gate, by=None, document={**SCENE, "lines": [], "modules": []})
        successor = MqttSender()
        run(successor, lambda: reader.last(topic) == "" and reader.last(other) == "")
        run(successor, lambda: topic not in message_settings().retained_topics)
        assert reader.last(f"aision/camera/{yard}/state") == ""
        successor.close()


class Listening(Subscriber):
    """A subscriber to everything, for a with statement."""

    def __init__(self, broker: Mosquitto) -> None:
        super().__init__(broker.port, "#")

    def __enter__(self) -> Listening:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def test_switched_off_it_connects_to_nobody(sender: MqttSender) -> None:
    sender.step()
    assert message_settings().link == "off"
    MessageSettings.objects.update(enabled=True, host="169.254.169.254")
    sender.step()
    assert (message_settings().link, message_settings().cause) == ("down", "refused_address")


def test_an_unreached_broker_is_said_in_words(sender: MqttSender) -> None:
    use(1)
    run(sender, lambda: message_settings().link == "down")
    assert message_settings().cause == "refused"
