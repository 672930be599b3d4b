"""Files on their way into the registry."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from models_registry.models.catalog import ModelVersion
from models_registry.models.made import Made


class UploadState(models.TextChoices):
    RECEIVING = "receiving", _("Receiving")
    INSPECTING = "inspecting", _("Inspecting")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")


class Upload(Made):
    """A model file or package: received in parts, inspected, then accepted or rejected.

    A rejected upload keeps its ``code`` and words; its file is gone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    file_name = models.CharField(_("file name"), max_length=200)
    size_bytes = models.BigIntegerField(_("size (bytes)"))
    received_bytes = models.BigIntegerField(_("received (bytes)"), default=0)
    model_name = models.CharField(_("lineage"), max_length=60)
    contract = models.JSONField(_("stated contract"), null=True, blank=True)
    notes = models.TextField(_("notes"), blank=True, default="")
    licence = models.CharField(_("licence"), max_length=120, blank=True, default="")
    source = models.CharField(_("source"), max_length=300, blank=True, default="")
    state = models.CharField(
        _("state"), max_length=12, choices=UploadState, default=UploadState.RECEIVING
    )
    code = models.CharField(_("code"), max_length=40, blank=True, default="")
    message = models.TextField(_("message"), blank=True, default="")
    version = models.ForeignKey(
        ModelVersion, on_delete=models.SET_NULL, null=True, blank=True, related_name="uploads"
    )
    known = models.BooleanField(_("was there already"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.file_name
