"""Static files are collected, hashed and compressed once, not at every start."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

# Pages never ask for these.
IGNORED = ["redoc", "rest_framework"]


def collect() -> bool:
    """Collect if anything changed since the last time. Returns whether it did."""
    stamp = settings.STATIC_ROOT / ".collected"
    wanted = fingerprint()
    if stamp.is_file() and stamp.read_text() == wanted:
        return False
    # Copying only what is newer would miss a file whose time is that of an older release.
    call_command(
        "collectstatic", verbosity=0, interactive=False, clear=True, ignore_patterns=IGNORED
    )
    stamp.write_text(wanted)
    return True


def fingerprint() -> str:
    """Of the names, sizes and times of all source files."""
    lines = []
    for finder in get_finders():
        for name, storage in finder.list(IGNORED):
            found = os.stat(Path(storage.path(name)))
            lines.append(f"{name} {found.st_size} {found.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
