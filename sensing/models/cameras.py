"""The site, its cameras and the state that their workers report."""

from __future__ import annotations

import math
import zoneinfo

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from sensing.domain.statistics.mix import DEFAULT_PCU
from sensing.models.detectors import UsesDetector
from sensing.models.fields import SecretField


class PicturePolicyChoice(models.TextChoices):
    CLEAR = "clear", _("Clear pictures")
    BLURRED = "blurred", _("Persons and vehicles blurred")
    NONE = "none", _("No pictures, numbers only")


class SpeedUnitChoice(models.TextChoices):
    KMH = "kmh", _("km/h")
    MPH = "mph", _("mph")


class SourceKindChoice(models.TextChoices):
    RTSP = "rtsp", _("RTSP camera")
    HTTP = "http", _("HTTP camera (MJPEG)")
    FILE = "file", _("Video file")
    USB = "usb", _("USB camera")
    SIM = "sim", _("Simulated camera")


class CameraStateChoice(models.TextChoices):
    CONNECTING = "connecting", _("Connecting")
    LIVE = "live", _("Live")
    STALLED = "stalled", _("Stalled")
    FAILED = "failed", _("Failed")
    ENDED = "ended", _("Ended")
    PAUSED = "paused", _("Paused")


def validate_time_zone(name: str) -> None:
    try:
        if name == "localtime":  # the machine's own, which browsers do not know
            raise ValueError(name)
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValidationError(
            _("Expected an IANA time zone such as Europe/Berlin, got “%(name)s”."),
            code="time_zone",
            params={"name": name},
        ) from error


def validate_finite(value: float) -> None:
    # NaN is neither too small nor too large, so the limits would let it pass.
    if not math.isfinite(value):
        raise ValidationError(_("Expected a number."), code="finite")


def default_car_units() -> dict[str, float]:
    return dict(DEFAULT_PCU)


class Site(UsesDetector):
    """The place that this gateway watches; one row. Its detector is every camera's default."""

    name = models.CharField(_("name"), max_length=120, default="AISION gateway")
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", validators=[validate_time_zone]
    )
    keep_crossings_days = models.PositiveIntegerField(
        _("keep crossings and visits (days)"),
        default=400,
        validators=[MinValueValidator(1), MaxValueValidator(36500)],
    )
    keep_intervals_days = models.PositiveIntegerField(
        _("keep counts per minute (days)"),
        default=1825,
        validators=[MinValueValidator(1), MaxValueValidator(36500)],
    )
    audit_strips = models.BooleanField(_("audit strips allowed"), default=False)
    keep_strips_days = models.PositiveIntegerField(
        _("keep audit strips (days)"),
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
    )
    default_pictures = models.CharField(
        _("pictures of new cameras"),
        max_length=8,
        choices=PicturePolicyChoice,
        default=PicturePolicyChoice.CLEAR,
    )
    speed_unit = models.CharField(
        _("speeds in"), max_length=4, choices=SpeedUnitChoice, default=SpeedUnitChoice.KMH
    )
    car_units = models.JSONField(
        _("passenger car units by class"), default=default_car_units, blank=True
    )
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("site")
        verbose_name_plural = _("site")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="site_is_one_row")]

    def __str__(self) -> str:
        return self.name


class Camera(UsesDetector):
    """A registered video source. ``url`` never holds credentials."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    kind = models.CharField(_("kind"), max_length=8, choices=SourceKindChoice)
    url = models.CharField(_("address"), max_length=1000)
    username = SecretField(_("user name"), blank=True, default="")
    password = SecretField(_("password"), blank=True, default="")
    loop = models.BooleanField(_("play the file again and again"), default=True)
    paused = models.BooleanField(_("paused"), default=False)
    analysed_fps = models.FloatField(
        _("frames analysed per second"),
        default=10.0,
        validators=[validate_finite, MinValueValidator(1.0), MaxValueValidator(30.0)],
    )
    attention = models.BooleanField(_("look only where something changes"), default=False)
    pictures = models.CharField(
        _("pictures"),
        max_length=8,
        choices=PicturePolicyChoice,
        default=PicturePolicyChoice.CLEAR,
    )
    position = models.PositiveIntegerField(_("order on the dashboard"), default=0)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("camera")
        verbose_name_plural = _("cameras")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class CameraState(models.Model):
    """What the camera's worker last said; written by ``ingest`` only."""

    camera = models.OneToOneField(
        Camera, on_delete=models.CASCADE, primary_key=True, related_name="state"
    )
    state = models.CharField(
        _("state"),
        max_length=12,
        choices=CameraStateChoice,
        default=CameraStateChoice.CONNECTING,
    )
    cause = models.CharField(_("cause"), max_length=40, blank=True, default="")
    detail = models.CharField(_("detail"), max_length=500, blank=True, default="")
    since = models.DateTimeField(_("since"), null=True)
    last_frame_at = models.DateTimeField(_("last frame"), null=True)
    run_id = models.CharField(_("run"), max_length=64, blank=True, default="")
    width = models.PositiveIntegerField(_("width"), default=0)
    height = models.PositiveIntegerField(_("height"), default=0)
    codec = models.CharField(_("codec"), max_length=32, blank=True, default="")
    source_fps = models.FloatField(_("frames per second of the source"), default=0.0)
    analysed_fps = models.FloatField(_("frames analysed per second"), default=0.0)
    frames_read = models.BigIntegerField(_("frames read"), default=0)
    frames_analysed = models.BigIntegerField(_("frames analysed"), default=0)
    frames_dropped = models.BigIntegerField(_("frames dropped"), default=0)
    latency_p50_ms = models.FloatField(_("median latency (ms)"), default=0.0)
    latency_p95_ms = models.FloatField(_("95 % latency (ms)"), default=0.0)
    detector = models.CharField(_("detector"), max_length=120, blank=True, default="")
    detector_version = models.BigIntegerField(_("version (row)"), default=0)
    detector_candidate = models.BigIntegerField(_("version on trial (row)"), default=0)
    detector_restarts = models.PositiveIntegerField(_("detector restarts"), default=0)
    frames_skipped = models.BigIntegerField(_("frames skipped"), default=0)
    detections_per_frame = models.FloatField(_("detections per frame"), default=0.0)
    retry_in_s = models.FloatField(_("tries again in (s)"), null=True)
    updated_at = models.DateTimeField(_("updated"), null=True)

    class Meta:
        verbose_name = _("camera state")
        verbose_name_plural = _("camera states")

    def __str__(self) -> str:
        return f"{self.camera_id}: {self.state}"
