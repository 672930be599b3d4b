from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.browser import log_in, page_of
from tests.gateway import RunningGateway
from tests.sensing.calibrating import seen

# The carriageway of the simulated road: 7 m wide, from 18 to 45 m ahead.
CORNERS = ((-3.5, 18.0), (3.5, 18.0), (3.5, 45.0), (-3.5, 45.0))


def mark(page: Page, at: list[float]) -> None:
    stage = page.locator("[data-stage]").bounding_box()
    assert stage is not None
    page.mouse.click(stage["x"] + at[0] * stage["width"], stage["y"] + at[1] * stage["height"])


def test_a_rectangle_is_marked_checked_and_saved(
    live_gateway: RunningGateway, chromium: str
) -> None:
    with page_of(live_gateway, chromium) as page:
        log_in(page)
        page.goto(live_gateway.address + "/cameras/1/")
        page.get_by_role("link", name="Calibration", exact=True).click()
        hint = page.locator("[data-hint]")
        save = page.get_by_role("button", name="Save calibration")
        expect(hint).not_to_be_empty()
        before = page.locator(".history tbody tr").count()
        # The gateway's own simulated road comes calibrated: a person begins anew.
        page.get_by_role("button", name="Clear").click()
        page.get_by_text("Lane rectangle").first.click()
        expect(hint).to_contain_text("near left corner")
        for corner in CORNERS:
            mark(page, seen(*corner))
        expect(hint).to_contain_text("Drag the corners")
        expect(page.locator("[data-found]")).to_be_visible()
        page.get_by_role("spinbutton", name="Width").fill("7")
        page.get_by_role("spinbutton", name="Length").fill("27")
        page.get_by_role("spinbutton", name="Length").press("Tab")
        expect(page.locator("[data-height]")).to_have_text(re.compile(r"^(7\.9|8\.[01]) m$"))
        expect(page.locator("[data-line-errors]")).to_contain_text(re.compile(r"±\d+\.\d %"))
        assert page.locator("[data-stage] .grid").count() >= 8

        page.keyboard.press("Control+z")
        expect(page.locator("[data-height]")).not_to_have_text(re.compile(r"^(7\.9|8\.[01]) m$"))
        page.keyboard.press("Control+Shift+z")
        expect(page.locator("[data-height]")).to_have_text(re.compile(r"^(7\.9|8\.[01]) m$"))

        save.click()
        expect(page.locator(".calibration-state")).to_contain_text("by keeper")
        expect(page.locator(".calibration-state")).to_contain_text("Not watched")
        expect(page.locator("[data-save-state]")).to_have_text("Saved")
        expect(page.get_by_role("spinbutton", name="Length")).to_have_value("27")
        expect(page.locator(".history tbody tr")).to_have_count(before + 1)
        expect(save).to_be_disabled()
