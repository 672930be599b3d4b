from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from tests.sensing.api.conftest import admin, operator, viewer

__all__ = ["admin", "operator", "viewer"]


@pytest.fixture
def registry(settings: Settings, tmp_path: Path) -> Path:
    """An empty registry folder."""
    settings.REGISTRY_DIR = tmp_path / "registry"
    return tmp_path / "registry"
