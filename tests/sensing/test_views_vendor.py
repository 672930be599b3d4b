from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "static" / "vendor"
MAX_FILE_BYTES = 2 * 1024 * 1024
FOREIGN = ('src="http', 'href="http', "url(http", 'from "http')
PACKAGES = sorted(path.parent for path in VENDOR.glob("*/vendor.json"))


def test_every_vendored_folder_says_what_it_is() -> None:
    assert {path for path in VENDOR.iterdir() if path.is_dir()} == set(PACKAGES)


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_vendored_files_are_the_published_ones(folder: Path) -> None:
    stated = json.loads((folder / "vendor.json").read_text())
    files = {path.name: path for path in folder.iterdir() if path.name != "vendor.json"}
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    assert hashes == stated["sha256"]
    assert "LICENSE" in files
    assert all(path.stat().st_size < MAX_FILE_BYTES for path in files.values())


@pytest.mark.parametrize("name", ["uplot", "plotly"])
def test_a_vendored_script_carries_the_stated_version(name: str) -> None:
    stated = json.loads((VENDOR / name / "vendor.json").read_text())
    assert stated["version"].count(".") == 2
    if name == "plotly":
        head = (VENDOR / name / "plotly-cartesian.min.js").read_text()[:400]
        assert f"v{stated['version']}" in head


def test_no_page_asks_another_host_for_anything() -> None:
    own = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static" / "js").glob("*.js")]
    own += (ROOT / "static" / "css").glob("*.css")
    for path in own:
        text = path.read_text().replace("http://www.w3.org/", "")
        loads = [
            word for word in ('src="http', 'href="http', "url(http", 'from "http') if word in text
        ]
        assert not loads, f"{path.name} loads {loads}"
