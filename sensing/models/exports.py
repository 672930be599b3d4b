"""Exports that are written to a folder by the clock."""

from __future__ import annotations

from datetime import time

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from models_registry.models.made import Made
from sensing.models.cameras import Camera


class ExportWhatChoice(models.TextChoices):
    COUNTS = "counts", _("Counts and speeds per bin")
    SPEEDS = "speeds", _("Speed statistics by class")
    MOVEMENTS = "movements", _("Movements from line to line")
    FOOTFALL = "footfall", _("Footfall: people over lines")
    ZONES = "zones", _("People in zones")
    CROSSINGS = "crossings", _("Crossings, one by one")
    VISITS = "visits", _("Visits to zones, one by one")
    CLASSIFIED = "classified", _("Classified counts, 15 minutes, with peak hour")
    TURNING = "turning", _("Turning movements, 15 minutes, with peak hour")
    TMG = "tmg", _("FHWA station, volume and class records (TMG 2022)")
    DATEX = "datex", _("DATEX II measured data")
    DATEX_SITES = "datex_sites", _("DATEX II measurement sites")


class ExportFormatChoice(models.TextChoices):
    CSV = "csv", _("CSV")
    XLSX = "xlsx", _("Excel workbook (XLSX)")
    PARQUET = "parquet", _("Parquet")
    JSON = "json", _("JSON")
    JSON_LINES = "jsonl", _("JSON lines")
    XML = "xml", _("XML")
    ZIP = "zip", _("Archive of records (ZIP)")


class EveryChoice(models.TextChoices):
    HOUR = "hour", _("Every hour")
    DAY = "day", _("Every day")
    WEEK = "week", _("Every week (Monday)")
    MONTH = "month", _("Every month (the first)")


class ScheduledExport(Made):
    """One file for each period that has ended. ``done_until`` is the end of the last period that
    was written: what ended after it is still to do, however long the gateway was off."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    what = models.CharField(_("what"), max_length=16, choices=ExportWhatChoice)
    file_format = models.CharField(_("format"), max_length=8, choices=ExportFormatChoice)
    all_cameras = models.BooleanField(_("all cameras"), default=True)
    cameras = models.ManyToManyField(
        Camera, blank=True, related_name="+", verbose_name=_("cameras")
    )
    bin_minutes = models.PositiveIntegerField(_("bin (minutes)"), null=True, blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True)
    every = models.CharField(
        _("how often"), max_length=8, choices=EveryChoice, default=EveryChoice.DAY
    )
    at = models.TimeField(
        _("at (site's clock)"),
        default=time(0, 10),
        help_text=_("Of an hourly export only the minutes count."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    keep_files = models.PositiveIntegerField(
        _("files kept"),
        default=400,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
    )
    folder = models.CharField(_("folder"), max_length=80, unique=True)
    done_until = models.DateTimeField(_("written until"))
    run_asked_at = models.DateTimeField(_("asked to run"), null=True, blank=True)
    claimed_until = models.DateTimeField(_("being written until"), null=True, blank=True)
    last_run_at = models.DateTimeField(_("last written"), null=True, blank=True)
    last_file = models.CharField(_("last file"), max_length=255, blank=True, default="")
    last_error = models.CharField(_("last error"), max_length=500, blank=True, default="")
    skipped = models.PositiveIntegerField(_("periods left out"), default=0)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("scheduled export")
        verbose_name_plural = _("scheduled exports")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
