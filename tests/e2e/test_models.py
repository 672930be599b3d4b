"""A model's way into the registry, in a real browser with a real jobs process."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import expect

from tests.e2e.browser import log_in, page_of
from tests.gateway import RunningGateway
from tests.models_registry.uploading import zoo_model


def test_an_operator_uploads_a_model_and_looks_at_its_boxes(
    live_gateway: RunningGateway, chromium: str, tmp_path: Path
) -> None:
    model, wrong, picture = (tmp_path / name for name in ("gate.onnx", "list.onnx", "yard.png"))
    model.write_bytes(zoo_model())
    wrong.write_bytes(b"a shopping list")
    cv2.imwrite(str(picture), np.full((224, 224, 3), 90, np.uint8))
    with page_of(live_gateway, chromium) as page:
        log_in(page)
        page.get_by_role("link", name="Models").click()
        page.wait_for_url("**/models/")  # loaded: its scripts have run
        page.locator("[data-files]").set_input_files([model, wrong])
        rows = page.locator("[data-uploads] > li")
        expect(rows.filter(has_text="list.onnx")).to_contain_text("This is no ONNX model.")
        expect(rows.filter(has_text="gate.onnx")).to_contain_text("Accepted")

        page.get_by_role("link", name="gate:1").first.click()
        page.wait_for_url("**/models/versions/*/")
        expect(page.get_by_role("heading", name="gate:1", exact=True)).to_be_visible()
        page.locator("[data-picture]").set_input_files(picture)
        expect(page.locator(".reading canvas").first).to_be_visible()
        expect(page.locator(".reading").first).to_contain_text("2 objects")
        expect(page.locator(".reading").first).to_contain_text("In use")
