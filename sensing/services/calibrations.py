"""Calibrating a camera's road, and saying that a camera stands as before."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.errors import Conflict, Refused
from models_registry.sandbox import ChildFailed, Limits, call
from models_registry.services.actor import Actor, user_id
from sensing.causes import cause_words
from sensing.domain.calibration_document import calibration_document, parse_calibration
from sensing.models import Calibration, Camera, DriftChoice, PicturePolicyChoice
from sensing.planning import camera_source
from sensing.services.cameras import camera_test
from sensing.worker.errors import StreamUnavailable

logger = logging.getLogger(__name__)

STILL_LIMITS = Limits(cpu_s=10, wall_s=20)


def calibration_save(
    *, camera: Camera, by: Actor, document: Any, keep_still: bool = False
) -> Calibration:
    """Make a calibration of marks; the one before is retired and stays in the history.

    ``keep_still`` stores a small grey still for the drift check. Raises ``CalibrationInvalid`` with
    every problem, and ``Refused`` when no still can be had: then nothing is changed.
    """
    stored = calibration_document(parse_calibration(document))
    reference = small_still(camera) if keep_still else None
    with transaction.atomic():
        # Two who save at once take turns here: the later one's calibration stands.
        Camera.objects.select_for_update().get(pk=camera.pk)
        _retire(camera)
        calibration = Calibration.objects.create(
            camera=camera,
            document=stored,
            reference=reference,
            drift=DriftChoice.UNWATCHED if reference is None else DriftChoice.STEADY,
            created_by_id=user_id(by),
        )
    logger.info("camera %d calibrated by %s", camera.pk, by or "the gateway")
    return calibration


def calibration_remove(*, camera: Camera, by: Actor) -> None:
    """Retire a camera's calibration: no speeds from now on. It stays in the history."""
    _retire(camera)
    logger.info("calibration of camera %d removed by %s", camera.pk, by or "the gateway")


def confirm_drift(calibration: Calibration, by: Actor) -> Calibration:
    """A person says that the camera stands as when it was calibrated.

    Where a still was kept, a new one takes its place: the drift check compares with today's view.
    Raises ``Refused`` when that cannot be had, ``Conflict`` for a retired calibration.
    """
    watched = Calibration.objects.filter(pk=calibration.pk, reference__isnull=False).exists()
    reference = small_still(calibration.camera) if watched else None
    now = timezone.now()
    changes: dict[str, Any] = {"confirmed_at": now, "moved_at": None, "drift_px": None}
    changes["drift"] = DriftChoice.STEADY if watched else DriftChoice.UNWATCHED
    if watched:
        changes |= {"reference": reference, "drift_checked_at": now}
    rows = Calibration.objects.filter(pk=calibration.pk, retired_at=None)
    if not rows.update(**changes):
        raise Conflict("retired", _("This calibration is no longer in use. Load the page again."))
    logger.info("calibration %d confirmed by %s", calibration.pk, by or "the gateway")
    return Calibration.objects.get(pk=calibration.pk)


def small_still(camera: Camera) -> bytes:
    """A grey PNG of at most 320 px width, of what the camera shows now. Raises ``Refused``.

    A camera whose pictures are to be blurred gives one that is blurred all over.
    """
    if camera.pictures == PicturePolicyChoice.NONE:
        raise Refused(
            "private",
            _("This camera gives no pictures, for privacy: no still can be kept."),
            "keep_still",
        )
    blur = camera.pictures == PicturePolicyChoice.BLURRED
    try:
        jpeg = camera_test(camera_source(camera)).jpeg
        answer = call(
            "sensing.worker.grey_still:grey_still",
            {"jpeg": jpeg, "blur": blur},
            limits=STILL_LIMITS,
        )
        png = answer["png"]
    except StreamUnavailable as error:
        raise _no_still(*cause_words(error.code)) from error
    except (ChildFailed, KeyError, TypeError) as error:
        raise _no_still(*cause_words("bad_picture")) from error
    return bytes(png)


def _no_still(message: str, advice: str) -> Refused:
    words = _("No still could be taken: %(message)s %(advice)s")
    return Refused("no_still", words % {"message": message, "advice": advice}, "keep_still")


def _retire(camera: Camera) -> None:
    # A still is kept no longer than it is compared with.
    rows = Calibration.objects.filter(camera=camera, retired_at=None)
    rows.update(retired_at=timezone.now(), reference=None)
