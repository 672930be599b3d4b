"""Loaded before anything else (see pyproject.toml): tests never touch an operator's data folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ["AISION_DATA_DIR"] = tempfile.mkdtemp(prefix="aision-tests-")
# A short key would be refused, and a generated one would differ between processes of one test run.
os.environ.setdefault("AISION_SECRET_KEY", "test-secret-key-of-at-least-32-characters")
# Simulated cameras are drawn once for all processes of a run: a clip is named by its content.
clips = os.environ.setdefault("AISION_TEST_CLIPS", tempfile.mkdtemp(prefix="aision-clips-"))
Path(os.environ["AISION_DATA_DIR"], "clips").symlink_to(clips)
# The web server looks for collected files here; tests use those in the source tree.
Path(os.environ["AISION_DATA_DIR"], "static").mkdir()
