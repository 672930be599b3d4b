"""Evaluation sets, Compare and Compress in a real browser, with a real jobs process: a set is made
and corrected, versions are measured on it, and a smaller version is made."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser import log_in, page_of
from tests.gateway import RunningGateway
from tests.models_registry.uploading import zoo_model

PATIENCE_MS = 180_000  # of jobs, on a machine that is busy with other tests
ROAD = "Morning road"
TIMED, SCORED = "Latency p50 (ms)", "AP50"


@pytest.fixture(scope="module")
def road(live_gateway: RunningGateway, chromium: str) -> str:
    """The name of a set of two simulated pictures, made on its page."""
    with page_of(live_gateway, chromium) as page:
        log_in(page)
        page.goto(live_gateway.address + "/models/evaluation-sets/")
        page.get_by_role("tab", name="Simulated").click()
        page.get_by_label("Name", exact=True).fill(ROAD)
        page.get_by_label("Stills", exact=True).fill("2")
        page.get_by_role("button", name="Make set").click()
        row = page.locator("[data-sets] > li").filter(has_text=ROAD)
        expect(row.get_by_role("progressbar", name=f"Render {ROAD}")).to_be_attached()
        expect(row.locator("> .state")).to_have_text("Ready", timeout=PATIENCE_MS)
        expect(row).to_contain_text("Simulated camera · 2 pictures")
    return ROAD


def test_boxes_are_corrected_undone_and_kept(
    live_gateway: RunningGateway, chromium: str, road: str
) -> None:
    with page_of(live_gateway, chromium) as page:
        log_in(page)
        page.goto(live_gateway.address + "/models/evaluation-sets/")
        page.get_by_role("link", name=road).click()
        done, boxes = page.locator("[data-done]"), page.locator("[data-boxes] .box")
        trucks = page.locator("[data-boxes] .box[aria-label=truck]")
        expect(page.locator("[data-position]")).to_have_text("1 / 2")
        expect(boxes.first).to_be_visible()
        before = boxes.count()

        draw_box(page)
        expect(boxes).to_have_count(before + 1)
        page.keyboard.press("2")  # the second class
        expect(trucks).to_have_count(1)
        page.get_by_role("button", name="Undo").click()
        expect(trucks).to_have_count(0)
        boxes.last.focus()
        page.keyboard.press("2")
        expect(trucks).to_have_count(1)
        boxes.first.focus()
        page.get_by_role("button", name="Delete box").click()
        expect(boxes).to_have_count(before)
        page.keyboard.press("Control+z")
        expect(boxes).to_have_count(before + 1)
        page.get_by_role("button", name="Done – open again").click()
        expect(done).to_have_text("1 of 2 pictures done")

        page.reload()
        expect(page.locator("[data-position]")).to_have_text("1 / 2")  # the one that is open
        expect(boxes).to_have_count(before + 1)
        expect(trucks).to_have_count(1)
        page.get_by_role("button", name="Done, next picture").click()
        expect(done).to_have_text("2 of 2 pictures done")
        expect(page.locator("[data-counts] [data-class=truck] b")).to_have_text("1")
        page.locator(".trail").get_by_role("link", name="Evaluation sets").click()
        row = page.locator("[data-sets] > li").filter(has_text=road)
        expect(row.locator("[data-class=truck] b")).to_have_text("1")
        expect(row.locator("> .state")).to_have_text("Ready")


def draw_box(page: Page) -> None:
    """In the sky, where nothing is labelled."""
    area = page.locator("[data-boxes]").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 0.05 * area["width"], area["y"] + 0.05 * area["height"])
    page.mouse.down()
    page.mouse.move(area["x"] + 0.15 * area["width"], area["y"] + 0.15 * area["height"])
    page.mouse.up()


def test_a_version_is_measured_compared_and_seen_beside_another(
    live_gateway: RunningGateway, chromium: str, road: str
) -> None:
    with page_of(live_gateway, chromium) as page:
        log_in(page)
        page.goto(live_gateway.address + "/models/compare/")
        page.get_by_label("Accuracy on").select_option(road)
        row = page.locator("[data-table] tbody tr").filter(has_text="road-users:2")
        expect(cell(row, TIMED)).to_have_text("not measured")

        page.get_by_label("Version", exact=True).select_option("road-users:2")
        page.get_by_label("At most").fill("1")
        start = page.get_by_role("button", name="Start measuring")
        start.click()
        jobs = page.locator("[data-following]")
        expect(jobs).to_contain_text("Latency of road-users:2")
        page.get_by_role("tab", name="Accuracy").click()
        page.get_by_label("On the set").select_option(f"{road} (2)")
        start.click()
        expect(jobs).to_contain_text(f"Accuracy of road-users:2 on {road}")
        expect(jobs).to_be_empty(timeout=PATIENCE_MS)

        expect(cell(row, TIMED)).to_have_text(re.compile(r"^\d+\.\d\d?$"))
        expect(cell(row, "Memory")).to_have_text(re.compile(r"^\d[\d.]*\s[kM]B$"))
        expect(cell(row, SCORED)).to_have_text(re.compile(r"^[01]\.\d{3}$"))
        expect(row).to_contain_text("best trade-off")
        expect(page.locator("[data-chart] .main-svg").first).to_be_visible()
        expect(page.locator("[data-chart]")).to_contain_text("road-users:2")
        latest = page.locator("[data-measured] > li")
        expect(latest.filter(has_text="Latency · ")).to_contain_text("ms of processor time")
        expect(latest.filter(has_text="Accuracy · ")).to_contain_text(f"on 2 pictures of {road}")
        with page.expect_download() as saved:
            page.get_by_role("button", name="Download CSV").click()
        with Path(saved.value.path()).open(newline="") as file:
            (figures,) = [x for x in csv.DictReader(file) if x["version"] == "road-users:2"]
        for name, shown, error in (("latency_p50_ms", TIMED, 0.06), ("ap50", SCORED, 0.0006)):
            measured = float(figures[name])
            assert float(cell(row, shown).inner_text()) == pytest.approx(measured, abs=error)

        page.get_by_label("Left", exact=True).select_option("road-users:1")
        page.get_by_label("Right", exact=True).select_option("road-users:2")
        page.get_by_label("Picture", exact=True).select_option(road)
        page.get_by_role("button", name="Look").click()
        names = page.locator("[data-two] figcaption b")
        expect(names).to_have_text(["road-users:1", "road-users:2"], timeout=PATIENCE_MS)
        expect(page.locator("[data-two] figure:has(canvas)")).to_contain_text(["(dotted)"] * 2)
        expect(page.locator("[data-agreement]")).to_contain_text("agreement, not accuracy")


def cell(row: Locator, column: str) -> Locator:
    return row.locator(f"td[data-label='{column}']")


@pytest.mark.parametrize(("threads", "words"), [("many", "got “many”"), ("99", "equal to 64")])
def test_nonsense_in_threads_is_answered_beside_the_form(
    live_gateway: RunningGateway, chromium: str, threads: str, words: str
) -> None:
    with page_of(live_gateway, chromium) as page:
        log_in(page)
        page.goto(live_gateway.address + "/models/")
        # In a tab of its own: Chromium logs a refusal as an error, which page_of does not forgive.
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Compare", exact=True).click(modifiers=["Control"])
        tab = opened.value
        tab.wait_for_load_state()  # its scripts have run
        tab.get_by_label("Threads").fill(threads)
        tab.get_by_role("button", name="Start measuring").click()
        problem = tab.locator("[data-measure-problem]")
        expect(problem).to_contain_text(re.compile(words, re.I))
        expect(tab.locator("[data-following]")).to_be_empty()


def test_a_version_is_packed_on_a_phone_and_its_child_is_listed(
    live_gateway: RunningGateway, chromium: str, road: str, tmp_path: Path
) -> None:
    model = tmp_path / "lodge.onnx"
    model.write_bytes(zoo_model(side=256))
    with page_of(live_gateway, chromium, width=390) as page:
        log_in(page)
        page.goto(live_gateway.address + "/models/")
        page.locator("[data-files]").set_input_files(model)
        expect(page.locator("[data-uploads] > li")).to_contain_text("Accepted", timeout=PATIENCE_MS)
        page.get_by_role("link", name="lodge:1").first.click()
        page.get_by_role("link", name="Compress").click()

        calibration = page.get_by_label("Calibrate on")
        page.get_by_role("button", name="Faster and smaller").click()
        expect(calibration).not_to_have_value("")
        page.get_by_role("button", name="Small to send").click()
        expect(calibration).to_have_value("")  # packing looks at no picture
        predicted = page.locator("[data-prediction] tbody tr")
        expect(predicted).to_have_count(3)
        page.get_by_role("button", name="Remove: Clean up").click()
        expect(predicted).to_have_count(2)
        expect(predicted.first).to_contain_text(re.compile(r"lodge:1.*458\skB.*100 %", re.S))
        expect(predicted.last).to_contain_text(re.compile(r"Pack for transport.*2\d %", re.S))
        calibration.select_option(f"pictures of {road}")
        page.get_by_label("Measure accuracy on").select_option(road)
        page.get_by_role("button", name="Start compressing").click()
        run = page.locator("[data-runs] > article")
        expect(run.get_by_role("progressbar", name="Compress lodge:1")).to_be_attached()
        while_measured = run.locator(".follow:not(:empty) ~ .stack .reports tbody tr")
        expect(while_measured).to_contain_text("lodge:2", timeout=PATIENCE_MS)
        expect(run.locator(".panel-head .state")).to_have_text("Done", timeout=PATIENCE_MS)
        report = run.locator(".reports tbody tr")
        expect(report).to_contain_text(re.compile(r"packed [\d.]+\skB, \d+\.\d× smaller"))
        expect(report).to_contain_text(re.compile(r"\d\.\d\d ×.*\d\.\d ms.*±0\.0 points", re.S))
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

        report.get_by_role("link", name="lodge:2").click()
        expect(page.get_by_role("heading", name="lodge:2", exact=True)).to_be_visible()
        page.goto(live_gateway.address + "/models/")
        child = page.get_by_role("row").filter(has_text="lodge:2")
        expect(child).to_contain_text(re.compile("Ready.*from lodge:1", re.S))
