"""Recounts by a person, and the certificates of accuracy that come of them."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from models_registry.models.made import Made
from sensing.models.calibrations import Calibration
from sensing.models.cameras import Camera


class RecountKind(models.TextChoices):
    LIVE = "live", _("Live minutes")
    CLIP = "clip", _("Recorded clip")


class RecountState(models.TextChoices):
    RECORDING = "recording", _("Recording")
    WAITING = "waiting", _("Waiting")
    MAKING = "making", _("Making the strip")
    READY = "ready", _("Ready to recount")
    FAILED = "failed", _("Failed")


class Recount(Made):
    """An audit strip, what the system counted on it, and what a person says about it.

    Times inside ``system_marks``, ``spans`` and ``review`` are seconds since ``starts_at``; for a
    clip whose time of day nobody knows that is None. ``system_marks`` are as the system told them;
    ``review`` maps a mark to the person's judgement of it, and holds what the person added.
    """

    camera = models.ForeignKey(
        Camera, on_delete=models.CASCADE, related_name="recounts", verbose_name=_("camera")
    )
    kind = models.CharField(_("kind"), max_length=4, choices=RecountKind)
    state = models.CharField(_("state"), max_length=10, choices=RecountState)
    cause = models.CharField(_("cause"), max_length=40, blank=True, default="")
    detail = models.CharField(_("detail"), max_length=500, blank=True, default="")
    title = models.CharField(_("title"), max_length=120, blank=True, default="")
    request_key = models.UUIDField(_("request"), default=uuid.uuid4, unique=True)
    """Given out with the form: a form that is sent twice makes one recount."""
    lines = models.JSONField(_("counting lines"), default=list)
    anchor = models.CharField(_("point of a box that counts"), max_length=8, default="center")
    starts_at = models.DateTimeField(_("start"), null=True)
    duration_s = models.FloatField(_("length (s)"), default=0.0)
    analysed_fps = models.FloatField(_("frames analysed per second"), default=0.0)
    clip = models.CharField(_("clip"), max_length=1000, blank=True, default="")
    clip_name = models.CharField(_("name of the clip"), max_length=255, blank=True, default="")
    tiles = models.JSONField(_("pieces of the strip"), default=list)
    spans = models.JSONField(_("observed"), default=list)
    system_marks = models.JSONField(_("crossings counted by the system"), default=list)
    review = models.JSONField(_("judgements"), default=dict)
    revision = models.PositiveIntegerField(_("revision"), default=0)
    detectors = models.JSONField(_("models in service"), default=list)
    calibration = models.ForeignKey(
        Calibration,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("calibration"),
    )
    scene_revision = models.PositiveIntegerField(_("revision of the scene"), default=0)
    progress = models.FloatField(_("progress"), default=0.0)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    lease_until = models.DateTimeField(_("lease until"), null=True)
    strip_deleted_at = models.DateTimeField(_("strip deleted"), null=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("counted by"),
    )
    reviewed_at = models.DateTimeField(_("counted"), null=True)

    class Meta:
        verbose_name = _("recount")
        verbose_name_plural = _("recounts")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["camera"],
                condition=models.Q(state="recording"),
                name="one_recording_per_camera",
            )
        ]

    def __str__(self) -> str:
        return self.title or f"{self.camera_id}: {self.pk}"


class AccuracyCertificate(models.Model):
    """What a recount found, once and for ever: a row is written and never changed.

    It outlives the recount, its strip and its camera, so all that it says is in ``document``.
    """

    camera = models.ForeignKey(
        Camera,
        on_delete=models.SET_NULL,
        null=True,
        related_name="certificates",
        verbose_name=_("camera"),
    )
    recount = models.ForeignKey(
        Recount,
        on_delete=models.SET_NULL,
        null=True,
        related_name="certificates",
        verbose_name=_("recount"),
    )
    recount_revision = models.PositiveIntegerField(_("revision of the recount"))
    camera_name = models.CharField(_("name of the camera"), max_length=80)
    document = models.JSONField(_("document"))
    digest = models.CharField(_("SHA-256 of the document"), max_length=64)
    thumbnail = models.BinaryField(_("picture of the strip"), null=True)
    f1 = models.FloatField(_("F1"))
    crossings = models.PositiveIntegerField(_("crossings counted by hand"))
    issued_at = models.DateTimeField(_("issued"))
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("issued by"),
    )

    class Meta:
        verbose_name = _("certificate of accuracy")
        verbose_name_plural = _("certificates of accuracy")
        ordering = ["-issued_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["recount", "recount_revision"], name="one_certificate_per_revision"
            )
        ]

    def __str__(self) -> str:
        return f"{self.camera_name} {self.issued_at:%Y-%m-%d}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None and not kwargs.get("force_insert"):
            raise TypeError("a certificate is never changed: issue another one")
        super().save(*args, **kwargs)
