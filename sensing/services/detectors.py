"""Setting what a target uses as its detector."""

from __future__ import annotations

from typing import overload

from django.utils.translation import gettext as _

from models_registry.errors import Refused
from models_registry.selectors.references import Resolved
from sensing.domain.scene import SceneInvalid, parse_scene
from sensing.models import Camera, Site, UsesDetector
from sensing.modules import MODULE_KINDS, build_modules
from sensing.selectors.site import current_site


def lock_choices() -> Site:
    """Wait until no other transaction changes what targets use; call it first.

    Deployments are rare, and what one of them means depends on all others: one at a time.
    """
    return Site.objects.select_for_update().get(pk=current_site().pk)


@overload
def set_detector(row: UsesDetector, found: Resolved) -> Resolved: ...
@overload
def set_detector(row: UsesDetector, found: None) -> None: ...
@overload
def set_detector(row: UsesDetector, found: Resolved | None) -> Resolved | None: ...
def set_detector(row: UsesDetector, found: Resolved | None) -> Resolved | None:
    """Let an unsaved row name a detector; None: the next wider target's. Raises ``Refused``."""
    if found is None:
        row.detector, row.alias, row.pinned = "", None, None
        return None
    check_contract(found)
    row.detector, row.alias = found.reference, found.alias
    row.pinned = None if found.alias else found.version
    return found


def check_contract(found: Resolved) -> None:
    """Raises ``Refused`` for a version of which nobody knows how to read it."""
    if found.version is not None and found.version.contract is None:
        raise Refused(
            "no_contract",
            _("Choose the contract of %(version)s first.") % {"version": found.version_name},
            "detector",
        )


def check_fits(found: Resolved, camera: Camera) -> None:
    """Raises ``Refused`` for a version that knows no class which the camera's modules count."""
    if found.version is None:
        return
    try:
        scene = parse_scene(camera.scene.document(), MODULE_KINDS)
        wanted: set[str] = set()
        for module in build_modules(scene, 1, 1):  # its classes need no picture size
            wanted |= module.classes
    except SceneInvalid:
        return  # reported by the camera's worker, whatever detector it has
    if wanted and not wanted & set(found.version.labels):
        raise Refused(
            "classes",
            _("%(version)s finds %(labels)s; %(camera)s counts %(wanted)s.")
            % {
                "version": found.version_name,
                "labels": ", ".join(found.version.labels[:8]),
                "camera": camera.name,
                "wanted": ", ".join(sorted(wanted)),
            },
            "detector",
        )
