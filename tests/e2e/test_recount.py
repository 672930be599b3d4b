"""A recount of one clip in a real browser, from the strip to the certificate."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.e2e.browser import log_in, page_of
from tests.gateway import RunningGateway

FPS, SECONDS, PASSAGE_S = 15.0, 15, 3.0


def write_road_clip(path: Path) -> Path:
    """A still street on which a light box comes down every three seconds, over the road's line."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (320, 180))
    still = np.random.default_rng(1).integers(70, 90, (180, 320, 3)).astype(np.uint8)
    still = np.asarray(cv2.GaussianBlur(still, (0, 0), 2), np.uint8)
    for number in range(int(FPS * SECONDS)):
        image = still.copy()
        top = int((number / FPS / PASSAGE_S) % 1.0 * 260) - 60
        cv2.rectangle(image, (110, top), (150, top + 50), (220, 225, 230), -1)
        writer.write(image)
    writer.release()
    return path


def use_motion(page: Page, address: str) -> None:
    """A drawn block that moves is no vehicle to a detector that has learnt what vehicles are."""
    page.goto(address + "/cameras/1/edit/")
    page.locator("[name=detector]").select_option("motion")
    with page.expect_navigation():
        page.get_by_role("button", name="Save").click()


def shown(page: Page, name: str) -> str:
    return page.locator(f"[data-{name}]").inner_text()


def test_an_operator_recounts_a_clip_from_strip_to_certificate(
    live_gateway: RunningGateway, chromium: str, tmp_path: Path
) -> None:
    with page_of(live_gateway, chromium) as page:
        log_in(page)
        use_motion(page, live_gateway.address)
        page.goto(live_gateway.address + "/recounts/?camera=1")
        page.locator("[name=audit_strips]").check()
        with page.expect_navigation():  # until it is loaded: its scripts have run
            page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("Recorded clip").click()
        page.locator("#upload").set_input_files(write_road_clip(tmp_path / "road.mp4"))
        page.get_by_role("button", name="Make the strip").click()

        expect(page.locator("[data-progress]")).to_have_text(re.compile(r"^0 of \d+ checked"))
        marks = page.locator("[data-list] li").count()
        assert marks >= 3
        for key in ("x", "u", "Enter", "a", "2"):  # strike, undo, right, add a truck
            page.keyboard.press(key)
        area = page.locator("[data-canvas]").bounding_box()
        assert area is not None
        page.mouse.click(area["x"] + 500, area["y"] + 60)
        expect(page.locator("[data-progress]")).to_have_text(f"1 of {marks} checked")
        expect(page.locator("[data-progress-more]")).to_have_text("1 added · 0 struck")
        expect(page.locator("[data-saved]")).to_have_text("Saved")

        page.reload()  # nothing is lost
        expect(page.locator("[data-progress]")).to_have_text(f"1 of {marks} checked")
        expect(page.locator("[data-list]")).to_contain_text("added")
        expect(page.locator("[data-issue-button]")).to_be_disabled()
        for _ in range(marks + 1):
            page.keyboard.press("Enter")
        page.locator("[name=looked_through]").check()
        page.get_by_role("button", name="Issue certificate").click()

        expect(page.locator(".certificate")).to_contain_text(
            f"n = {marks + 1} crossings counted by hand, {marks} by the system."
            f" Agreed: {marks}, missed: 1, wrong: 0."
        )
        with page.expect_download() as download:
            page.get_by_role("link", name="PDF").click()
        text = " ".join(p.extract_text() for p in PdfReader(download.value.path()).pages)
        assert "100.0 %" in text
        assert "is fewer than 30 crossings" in text
