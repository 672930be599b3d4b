"""What is sensed in a camera's picture."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from sensing.models.cameras import Camera


class AnchorChoice(models.TextChoices):
    CENTER = "center", _("Centre of the box")
    BOTTOM = "bottom", _("Middle of its lower edge")


class Scene(models.Model):
    """Lines and zones of one camera. ``revision`` grows with every save, also of its modules."""

    camera = models.OneToOneField(
        Camera, on_delete=models.CASCADE, primary_key=True, related_name="scene"
    )
    anchor = models.CharField(
        _("point of a box that counts"),
        max_length=8,
        choices=AnchorChoice,
        default=AnchorChoice.CENTER,
    )
    lines = models.JSONField(_("counting lines"), default=list, blank=True)
    zones = models.JSONField(_("zones"), default=list, blank=True)
    revision = models.PositiveIntegerField(_("revision"), default=0)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("updated by"),
    )

    class Meta:
        verbose_name = _("scene")
        verbose_name_plural = _("scenes")

    def __str__(self) -> str:
        return _("Scene of %(camera)s") % {"camera": self.camera}

    def document(self) -> dict[str, Any]:
        """The scene as the JSON document that is exchanged; needs the camera's modules."""
        modules = sorted(self.camera.modules.all(), key=lambda module: module.pk)
        # Stored as checked. A scene that newer code refuses must fail in its own camera's worker,
        # where it is reported, and not here, where all cameras would stop.
        return {
            "version": 1,
            "anchor": self.anchor,
            "lines": self.lines,
            "zones": self.zones,
            "modules": [
                {"kind": module.kind, "parameters": module.parameters}
                for module in modules
                if module.enabled
            ],
        }


class SensingModule(models.Model):
    """A kind of sensing that a camera does, with its parameters."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="modules")
    kind = models.CharField(_("kind"), max_length=40)
    enabled = models.BooleanField(_("enabled"), default=True)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)

    class Meta:
        verbose_name = _("sensing module")
        verbose_name_plural = _("sensing modules")
        ordering = ["camera_id", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["camera", "kind"], name="module_once_per_camera")
        ]

    def __str__(self) -> str:
        return f"{self.kind}"
