from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.session import logged_in
from tests.gateway import PASSWORD, USER, RunningGateway

PATIENCE_MS = 120_000
PATHS = (
    "/",
    "/cameras/",
    "/cameras/{id}/",
    "/cameras/{id}/scene/",
    "/cameras/{id}/calibration/",
    "/traffic/",
    "/traffic/speeds/",
    "/traffic/flow/",
    "/traffic/movements/",
    "/traffic/heat/",
    "/people/",
    "/recounts/",
    "/export/",
    "/settings/messages/",
    "/models/",
    "/models/deployments/",
    "/models/compare/",
    "/models/evaluation-sets/",
    "/models/jobs/",
    "/models/audit/",
    "/settings/",
)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@contextmanager
def signed_in(browser: Browser, gateway: RunningGateway, **options: Any) -> Iterator[Page]:
    """A page with the first admin's session; what the browser complains about fails the test."""
    context = browser.new_context(base_url=gateway.address, **options)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.goto("/login/")
    page.get_by_label("User name").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(gateway.address + "/")
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def quiet_camera(live_gateway: RunningGateway) -> Iterator[int]:
    """A paused camera to draw on, so that the gateway's own cameras stay as they are."""
    with logged_in(live_gateway) as client:
        camera = {"name": "Drawing board", "kind": "http", "url": "http://192.0.2.1/a.mjpg"}
        made = client.post("/api/v1/cameras/", json={**camera, "paused": True})
        assert made.status_code == 201, made.text
        yield made.json()["id"]
        client.delete(f"/api/v1/cameras/{made.json()['id']}/")


def test_a_line_and_a_zone_are_drawn_turned_round_and_undone(
    browser: Browser, live_gateway: RunningGateway, quiet_camera: int
) -> None:
    with signed_in(browser, live_gateway, viewport={"width": 1280, "height": 900}) as page:
        page.goto(f"/cameras/{quiet_camera}/scene/")
        stage = page.locator("[data-stage]")
        box = stage.bounding_box()
        assert box is not None

        def click(x: float, y: float) -> None:
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])

        saved = page.locator("[data-save-state]")
        page.get_by_role("button", name="Line", exact=True).click()
        click(0.2, 0.8)
        click(0.7, 0.8)
        page.keyboard.press("z")
        for corner in ((0.1, 0.2), (0.4, 0.2), (0.4, 0.5), (0.1, 0.5), (0.1, 0.2)):
            click(*corner)
        expect(saved).to_contain_text("Saved and counting", timeout=PATIENCE_MS)
        scene = scene_of(live_gateway, quiet_camera)
        assert [line["name"] for line in scene["lines"]] == ["Line 1"]
        assert [pytest.approx(v, abs=0.01) for v in scene["lines"][0]["points"][0]] == [0.2, 0.8]
        assert len(scene["zones"][0]["points"]) == 4
        assert {module["kind"] for module in scene["modules"]} >= {"person_count"}

        page.locator("[data-flip]").click()
        expect(saved).to_contain_text("Saved and counting", timeout=PATIENCE_MS)
        page.wait_for_timeout(1000)
        turned = scene_of(live_gateway, quiet_camera)
        assert turned["lines"][0]["points"] == scene["lines"][0]["points"][::-1]
        page.keyboard.press("Control+z")
        page.wait_for_timeout(1500)
        assert scene_of(live_gateway, quiet_camera)["lines"] == scene["lines"]


def test_a_scene_that_someone_else_changed_is_not_overwritten_unasked(
    browser: Browser, live_gateway: RunningGateway, quiet_camera: int
) -> None:
    line = {"id": "theirs", "name": "Theirs", "points": [[0.1, 0.1], [0.9, 0.1]]}
    context = browser.new_context(base_url=live_gateway.address)
    page = context.new_page()
    page.goto("/login/")
    page.get_by_label("User name").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.goto(f"/cameras/{quiet_camera}/scene/")
    expect(page.locator("[data-save-state]")).to_contain_text("Saved")
    with logged_in(live_gateway) as client:
        client.put(f"/api/v1/cameras/{quiet_camera}/scene/", json={"lines": [line]})
    page.keyboard.press("l")
    page.locator("[data-stage]").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Take theirs").click()
    expect(page.get_by_label("Name of Theirs")).to_be_visible()
    context.close()
    assert [x["id"] for x in scene_of(live_gateway, quiet_camera)["lines"]] == ["theirs"]


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_no_page_is_wider_than_its_window(
    browser: Browser, live_gateway: RunningGateway, width: int, scheme: Any
) -> None:
    window = {"width": width, "height": 800}
    with logged_in(live_gateway) as client:
        first = client.get("/api/v1/live/").json()[0]["id"]
    with signed_in(browser, live_gateway, viewport=window, color_scheme=scheme) as page:
        for path in PATHS:
            page.goto(path.format(id=first))
            page.wait_for_timeout(500)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert page.evaluate("document.documentElement.dataset.theme") == scheme


def scene_of(gateway: RunningGateway, camera: int) -> dict[str, Any]:
    with logged_in(gateway) as client:
        scene: dict[str, Any] = client.get(f"/api/v1/cameras/{camera}/scene/").json()
        return scene
