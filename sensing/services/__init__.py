"""Everything that changes rows, except what workers report (``sensing.ingest``)."""

from __future__ import annotations

from sensing.services.cameras import (
    camera_change,
    camera_delete,
    camera_pause,
    camera_register,
    camera_resume,
    camera_test,
    changed_source,
)
from sensing.services.pruning import Pruned, prune
from sensing.services.scenes import checked_scene, scene_save, scene_touch
from sensing.services.site import site_change
from sensing.sources import allowed_files, checked_source

__all__ = [
    "Pruned",
    "allowed_files",
    "camera_change",
    "camera_delete",
    "camera_pause",
    "camera_register",
    "camera_resume",
    "camera_test",
    "changed_source",
    "checked_scene",
    "checked_source",
    "prune",
    "scene_save",
    "scene_touch",
    "site_change",
]
