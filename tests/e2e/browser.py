"""A real Chromium, logged in to a running gateway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect, sync_playwright

from tests.gateway import PASSWORD, USER, RunningGateway

# How long a page may take on a machine that is busy with other tests; passing ones never wait.
expect.set_options(timeout=60_000)

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@contextmanager
def page_of(
    gateway: RunningGateway, chromium: str, width: int = 1440, height: int = 900
) -> Iterator[Page]:
    """A page on the log-in form. What a script logs as an error fails the test at the end."""
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )
        page.goto(gateway.address + "/")
        yield page
        browser.close()
    assert complaints == []


def log_in(page: Page) -> None:
    page.get_by_label("User name").or_(page.get_by_label("Username")).fill(USER)
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-tiles]")
