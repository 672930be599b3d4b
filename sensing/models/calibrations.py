"""How a camera's picture lies on the road. A calibration is never changed: a new one replaces it,
so that a speed and a certificate name the one they rest on."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from models_registry.models.made import Made
from sensing.models.cameras import Camera


class DriftChoice(models.TextChoices):
    UNWATCHED = "unwatched", _("Not watched: no still was kept")
    STEADY = "steady", _("Steady")
    MOVED = "moved", _("The camera seems to have moved")


class Calibration(Made):
    """Marks of one camera's road. The active one has no ``retired_at``."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="calibrations")
    document = models.JSONField(_("marks"))
    reference = models.BinaryField(_("small grey still"), null=True)
    """PNG, kept only where an operator agreed to it: what the drift check compares with."""
    drift = models.CharField(
        _("drift"), max_length=10, choices=DriftChoice, default=DriftChoice.UNWATCHED
    )
    drift_px = models.FloatField(_("moved by (px)"), null=True)
    drift_checked_at = models.DateTimeField(_("drift checked"), null=True)
    moved_at = models.DateTimeField(_("moved since"), null=True)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    retired_at = models.DateTimeField(_("retired"), null=True)

    class Meta:
        verbose_name = _("calibration")
        verbose_name_plural = _("calibrations")
        ordering = ["camera_id", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["camera"],
                condition=models.Q(retired_at=None),
                name="one_active_calibration",
            )
        ]

    def __str__(self) -> str:
        return f"{self.camera_id}: {self.pk}"
