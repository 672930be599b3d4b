"""The export page in a real browser: choose, download, open."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from playwright.sync_api import expect

from tests.e2e.browser import log_in, page_of
from tests.gateway import RunningGateway


def test_what_is_chosen_is_downloaded_and_opens_in_pandas(
    live_gateway: RunningGateway, chromium: str, tmp_path: Path
) -> None:
    with page_of(live_gateway, chromium) as page:
        log_in(page)
        page.goto(f"{live_gateway.address}/export/")
        name = page.locator("[data-file-name]")
        expect(name).to_contain_text("counts_1h_all-cameras")
        page.get_by_label("What", exact=True).select_option("zones")
        page.get_by_text("Parquet", exact=True).click()
        page.get_by_text("15 min", exact=True).click()
        page.get_by_role("button", name="Today").click()
        expect(name).to_contain_text("zones_15min_all-cameras")
        expect(page.locator("[data-preview] th").first).to_have_text("start")
        with page.expect_download() as started:
            page.get_by_role("link", name="Download").click()
        path = tmp_path / started.value.suggested_filename
        started.value.save_as(path)
        expect(name).to_have_text(path.name)
        found = pd.read_parquet(path)
        assert {"coverage", "visits", "dwell_median_s"} <= set(found.columns)
        assert set(found["coverage"]) <= {"complete", "partial", "down", "unknown"}

        # What cannot be exported is said where it is chosen, and nothing can be downloaded.
        page.locator("#from").fill("2026-01-02T00:00")
        page.locator("#to").fill("2026-01-01T00:00")
        expect(page.locator("[data-problem]")).to_contain_text("before the end")
        expect(page.get_by_text("Download", exact=True)).to_have_attribute("aria-disabled", "true")
