"""What was measured of versions, on what, and what compressing them brought."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from models_registry.models.catalog import ModelVersion
from models_registry.models.jobs import Job
from models_registry.models.made import Made


class SetOrigin(models.TextChoices):
    UPLOADED = "uploaded", _("Uploaded")
    SIMULATED = "simulated", _("Simulated camera")
    ON_SITE = "on_site", _("Made on site")


class EvaluationSet(Made):
    """Labelled stills that versions are measured on; the pictures lie in the store.

    ``classes`` are those that its labels cover: another class is unknown there, not absent.
    """

    name = models.CharField(_("name"), max_length=80, unique=True)
    origin = models.CharField(_("origin"), max_length=12, choices=SetOrigin)
    classes = models.JSONField(_("classes covered"), default=list)
    images = models.PositiveIntegerField(_("images"), default=0)
    boxes = models.PositiveIntegerField(_("boxes"), default=0)
    ready = models.BooleanField(_("ready"), default=False)
    blurred = models.BooleanField(_("faces and plates blurred"), default=False)
    consent = models.TextField(_("consent to keep these pictures"), blank=True, default="")
    details = models.JSONField(_("details"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("evaluation set")
        verbose_name_plural = _("evaluation sets")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class BenchmarkKind(models.TextChoices):
    LATENCY = "latency", _("Latency")
    ACCURACY = "accuracy", _("Accuracy")
    AGREEMENT = "agreement", _("Agreement")
    COUNTS = "counts", _("Count accuracy")


class Benchmark(models.Model):
    """One measurement of one version; ``result`` names the machine it was made on."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="benchmarks")
    kind = models.CharField(_("kind"), max_length=10, choices=BenchmarkKind)
    parameters = models.JSONField(_("parameters"), default=dict)
    evaluation_set = models.ForeignKey(
        EvaluationSet, on_delete=models.SET_NULL, null=True, blank=True, related_name="benchmarks"
    )
    other = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    job = models.OneToOneField(
        Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="benchmark"
    )
    result = models.JSONField(_("result"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("benchmark")
        verbose_name_plural = _("benchmarks")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.version} {self.kind}"


class CompressionRun(models.Model):
    """One execution of a recipe: ``reports`` holds one report per step, in order."""

    parent = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="compression_runs"
    )
    recipe = models.JSONField(_("recipe"))
    job = models.OneToOneField(
        Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="compression_run"
    )
    reports = models.JSONField(_("reports"), default=list, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("compression run")
        verbose_name_plural = _("compression runs")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.parent}"
