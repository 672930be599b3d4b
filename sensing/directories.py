"""Where the gateway keeps files that cameras name."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings


def clips_dir() -> Path:
    """Rendered simulations."""
    return Path(settings.CLIPS_DIR)


def recounts_dir() -> Path:
    """Audit strips, one folder per recount; nothing of it is served without a log-in."""
    return Path(settings.DATA_DIR) / "recounts"


def video_dirs() -> list[Path]:
    """The only folders from which a camera of kind ``file`` may read."""
    return [Path(folder) for folder in settings.VIDEO_DIRS]
