"""Nothing of the gateway is told to others by the libraries that it runs on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.shared_data import ROOT


def test_the_runtime_leaves_no_identifier_and_no_events_in_the_home(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    subprocess.run(
        [sys.executable, "-c", "import models_registry.runtime.session"],
        env=environment,
        cwd=tmp_path,
        check=True,
    )
    assert list(tmp_path.iterdir()) == []
