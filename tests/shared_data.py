"""Where the real models, videos and ground truth lie, if at hand; never part of the product."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("AISION_SHARED_DATA", ROOT.parent / "shared" / "data"))

needs_shared_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"real models and videos are not at hand: no folder {SHARED.name}"
)
