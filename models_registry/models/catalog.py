"""Lineages of detection models, their versions, and the aliases that deployments follow."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from models_registry.models.made import Made

NAME = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?$",
    _("Expected small letters, digits and hyphens, such as “vehicle-person”."),
)


class OriginChoice(models.TextChoices):
    UPLOADED = "uploaded", _("Uploaded")
    COMPRESSED = "compressed", _("Compressed")
    TRAINED = "trained", _("Trained")
    BUILT_IN = "built_in", _("Ships with the gateway")


class DetectionModel(Made):
    """A lineage: versions that do the same task and follow one another."""

    name = models.CharField(_("name"), max_length=60, unique=True, validators=[NAME])
    task = models.CharField(_("task"), max_length=40, default="detection")
    notes = models.TextField(_("notes"), blank=True, default="")
    licence = models.CharField(_("licence"), max_length=120, blank=True, default="")
    source = models.CharField(_("source"), max_length=300, blank=True, default="")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("detection model")
        verbose_name_plural = _("detection models")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ModelVersion(Made):
    """One immutable ONNX file. ``contract`` is null until a person has picked the right one.

    The file lies in the store under its ``sha256``; ``contract_key`` tells versions of the same
    file with different contracts apart.
    """

    model = models.ForeignKey(DetectionModel, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("number"))
    sha256 = models.CharField(_("SHA-256"), max_length=64, db_index=True)
    size_bytes = models.BigIntegerField(_("size (bytes)"))
    contract = models.JSONField(_("contract"), null=True, blank=True)
    contract_key = models.CharField(max_length=16, blank=True, default="", editable=False)
    inspection = models.JSONField(_("inspection"), default=dict)
    origin = models.CharField(
        _("origin"), max_length=12, choices=OriginChoice, default=OriginChoice.UPLOADED
    )
    parent = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("parent"),
    )
    file_name = models.CharField(_("file name"), max_length=200, blank=True, default="")
    notes = models.TextField(_("notes"), blank=True, default="")
    card = models.TextField(_("model card"), blank=True, default="")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        ordering = ["model__name", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="version_number_once"),
            models.UniqueConstraint(
                fields=["sha256", "contract_key"], name="same_file_is_one_version"
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """``name:number``, which always means this version."""
        return f"{self.model.name}:{self.number}"

    @property
    def labels(self) -> list[str]:
        contract: dict[str, Any] = self.contract or {}
        return list(contract.get("labels", []))


class Alias(models.Model):
    """A name such as ``production`` for one version of a lineage; moving it is a deployment."""

    model = models.ForeignKey(DetectionModel, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(_("name"), max_length=40, validators=[NAME])
    # A version that an alias names is in use: it cannot go.
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases")
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("alias")
        verbose_name_plural = _("aliases")
        ordering = ["model__name", "name"]
        constraints = [models.UniqueConstraint(fields=["model", "name"], name="alias_once")]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """``model@alias``, which means whatever version the alias names."""
        return f"{self.model.name}@{self.name}"
