"""The traffic pages in a browser: what an empty one says, readings, a chart as a table."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.e2e.browser import log_in, page_of
from tests.e2e.session import logged_in
from tests.gateway import RunningGateway


@pytest.fixture
def quiet_camera(live_gateway: RunningGateway) -> Iterator[int]:
    """A paused camera with a line, so that nothing but the test tells its speeds."""
    with logged_in(live_gateway) as client:
        camera = {"name": "Quiet road", "kind": "http", "url": "http://192.0.2.2/a.mjpg"}
        made = client.post("/api/v1/cameras/", json={**camera, "paused": True})
        assert made.status_code == 201, made.text
        pk = made.json()["id"]
        line = {"id": "gate", "name": "Gate", "points": [[0.1, 0.5], [0.9, 0.5]]}
        client.put(f"/api/v1/cameras/{pk}/scene/", json={"lines": [line]})
        yield pk
        client.delete(f"/api/v1/cameras/{pk}/")


def test_speeds_say_what_to_do_and_rise_with_each_reading(
    live_gateway: RunningGateway, chromium: str, quiet_camera: int
) -> None:
    sockets: list[WebSocketRoute] = []
    reading = {"type": "speed", "camera": quiet_camera, "line": "gate", "direction": "forward"}
    with page_of(live_gateway, chromium, 390, 844) as page:
        log_in(page)
        page.route_web_socket("**/ws/live/", lambda socket: sockets.append(socket))  # noqa: PLW0108 - Playwright marks it
        page.goto(f"{live_gateway.address}/traffic/speeds/?camera={quiet_camera}")
        expect(page.get_by_text("No speeds without a calibration")).to_be_visible()
        calibrate = page.get_by_role("link", name="Calibrate")
        expect(calibrate).to_have_attribute("href", f"/cameras/{quiet_camera}/calibration/")
        while not sockets:
            page.wait_for_timeout(50)
        for number in range(40):
            speed = {"class": "bus" if number % 2 else "car", "speed_mps": 13.2, "t": number}
            sockets[-1].send(json.dumps(reading | speed))
        histogram = page.locator("[data-panel=histogram]")
        expect(histogram.locator("[data-note]")).to_contain_text("n = 40")
        # All of them are in the bin from 13 m/s: V85 = 13 + 0.85 · 0.5 m/s = 48.3 km/h.
        expect(histogram.locator("[data-figures]")).to_contain_text("48.3 km/h")
        expect(histogram.locator("[data-warning]")).to_contain_text("Only 40 vehicles")
        expect(histogram.locator(".bars path").first).to_be_visible()
        histogram.get_by_role("button", name="Show as table").click()
        expect(histogram.locator("tbody tr")).to_have_count(1)
        page.get_by_role("button", name="More").click()
        expect(page.locator("#more").get_by_role("link", name="Settings")).to_be_visible()


def test_the_bars_rise_while_one_looks(
    live_gateway: RunningGateway, chromium: str, quiet_camera: int
) -> None:
    sockets: list[WebSocketRoute] = []
    reading = {"type": "speed", "camera": quiet_camera, "line": "gate", "direction": "forward"}
    with page_of(live_gateway, chromium) as page:
        log_in(page)
        page.route_web_socket("**/ws/live/", lambda socket: sockets.append(socket))  # noqa: PLW0108 - Playwright marks it
        page.goto(f"{live_gateway.address}/traffic/speeds/?camera={quiet_camera}")
        expect(page.get_by_text("No speeds without a calibration")).to_be_visible()
        histogram = page.locator("[data-panel=histogram]")
        chart = histogram.locator("[data-chart]").element_handle()

        def drive(times: int, speed_mps: float) -> None:
            for _ in range(times):
                told = {"class": "car", "speed_mps": speed_mps, "t": 0}
                sockets[-1].send(json.dumps(reading | told))

        drive(40, 5.2)
        page.wait_for_function("chart => chart.data?.[0].y.join() === '40'", arg=chart)
        drive(10, 6.2)
        # Fewer than 500 are in bins of 1 m/s: from 5 m/s on, and from 6 m/s on.
        page.wait_for_function("chart => chart.data[0].y.join() === '40,10'", arg=chart)
        expect(histogram.locator("[data-note]")).to_contain_text("n = 50")


@pytest.mark.parametrize("tab", ["traffic/", "traffic/movements/", "people/"])
@pytest.mark.parametrize("offset", ["Z", "+00:00", "%2B0000"])
def test_a_link_may_name_times_with_their_offset(
    live_gateway: RunningGateway, chromium: str, tab: str, offset: str, quiet_camera: int
) -> None:
    period = f"from=2026-01-01T10:00:00{offset}&to=2026-01-01T14:30{offset}"
    with page_of(live_gateway, chromium) as page:
        log_in(page)
        page.goto(f"{live_gateway.address}/{tab}?camera={quiet_camera}&{period}")
        expect(page.locator("#from")).to_have_value("2026-01-01T10:00")
        expect(page.locator("#to")).to_have_value("2026-01-01T14:30")
        expect(page.locator("[data-problem]")).to_be_hidden()
