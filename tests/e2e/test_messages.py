from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browser import log_in, page_of
from tests.gateway import RunningGateway
from tests.mosquitto import mosquitto, subscriber, wait_until


def test_a_broker_is_tried_and_then_gets_the_states_of_the_cameras(
    live_gateway: RunningGateway, chromium: str, tmp_path: Path
) -> None:
    with (
        mosquitto(tmp_path) as broker,
        subscriber(broker.port) as reader,
        page_of(live_gateway, chromium) as page,
    ):
        log_in(page)
        page.goto(live_gateway.address + "/settings/messages/")
        page.get_by_label("Broker", exact=True).fill("127.0.0.1")
        page.get_by_label("Port").fill("9")
        page.get_by_role("button", name="Test connection").click()
        expect(page.locator("[data-test-words]")).to_contain_text("nothing listens on this port")
        page.get_by_label("Port").fill(str(broker.port))
        page.get_by_role("button", name="Test connection").click()
        expect(page.locator("[data-test-words]")).to_contain_text("took the test message")
        page.get_by_text("Send to an MQTT broker").click()
        page.get_by_role("button", name="Save settings").click()
        expect(page.get_by_role("status").first).to_contain_text("saved")
        wait_until(lambda: reader.last("aision/status") == "online")
        wait_until(lambda: reader.last("aision/camera/1/state") is not None)
        page.get_by_text("Send to an MQTT broker").click()
        page.get_by_role("button", name="Save settings").click()
        wait_until(lambda: reader.last("aision/status") == "offline")
        expect(page.locator(".target .state").first).to_have_text(
            re.compile("Connected|Switched off")
        )
