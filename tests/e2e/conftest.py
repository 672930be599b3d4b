"""A running gateway and a browser for the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway import RunningGateway, running_gateway


@pytest.fixture(scope="package")
def live_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """One real gateway with its two simulated cameras, shared by the tests that only look."""
    with running_gateway(tmp_path_factory.mktemp("gateway") / "data") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium; tests of pages need it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        for folder in os.environ["PATH"].split(os.pathsep):
            if (path := Path(folder) / name).is_file():
                return str(path)
    pytest.skip("no Chromium on the PATH: scripts/test installs it where it may")
