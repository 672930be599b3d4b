"""What was sensed. Written by ``ingest`` and pruned by ``services.prune``, read-only elsewhere.

Minutes are whole Unix minutes (unix time // 60): integer buckets sum fast on every database.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from sensing.models.calibrations import Calibration
from sensing.models.cameras import Camera


class DirectionChoice(models.TextChoices):
    FORWARD = "forward", _("Forward")
    BACKWARD = "backward", _("Backward")


class SizeChoice(models.TextChoices):
    SMALL = "small", _("Small")
    LARGE = "large", _("Large")


class Crossing(models.Model):
    """One object passing one counting line, once."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="crossings")
    run_id = models.CharField(_("run"), max_length=64)
    line_id = models.CharField(_("line"), max_length=40)
    track_id = models.BigIntegerField(_("track"))
    nth = models.PositiveIntegerField(_("pass of this track"))
    direction = models.CharField(_("direction"), max_length=8, choices=DirectionChoice)
    object_class = models.CharField(_("class"), max_length=40)
    size = models.CharField(_("size"), max_length=5, choices=SizeChoice, blank=True, default="")
    confidence = models.FloatField(_("confidence"))
    at = models.DateTimeField(_("time"))
    frame_index = models.BigIntegerField(_("frame"))
    speed_mps = models.FloatField(_("speed (m/s)"), null=True)
    speed_error_mps = models.FloatField(_("standard error of the speed (m/s)"), null=True)
    speed_doubtful = models.BooleanField(_("camera seemed moved"), default=False)
    calibration = models.ForeignKey(
        Calibration,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,  # calibrations go with their camera only
        verbose_name=_("calibration"),
    )
    length_m = models.FloatField(_("length (m)"), null=True)
    headway_s = models.FloatField(_("headway (s)"), null=True)
    gap_s = models.FloatField(_("gap (s)"), null=True)
    on_line_s = models.FloatField(_("on the line (s)"), null=True)
    wrong_way = models.BooleanField(_("wrong way"), default=False)
    turn_back = models.BooleanField(_("turned back"), default=False)

    class Meta:
        verbose_name = _("crossing")
        verbose_name_plural = _("crossings")
        constraints = [
            models.UniqueConstraint(
                fields=["camera", "run_id", "line_id", "track_id", "nth"], name="crossing_once"
            )
        ]
        indexes = [
            models.Index(fields=["camera", "at"], name="crossing_camera_at"),
            models.Index(fields=["at"], name="crossing_at"),
        ]

    def __str__(self) -> str:
        return f"{self.object_class} {self.direction} {self.line_id}"


class Visit(models.Model):
    """One object's stay in one zone."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="visits")
    run_id = models.CharField(_("run"), max_length=64)
    zone_id = models.CharField(_("zone"), max_length=40)
    track_id = models.BigIntegerField(_("track"))
    nth = models.PositiveIntegerField(_("visit of this track"))
    object_class = models.CharField(_("class"), max_length=40)
    entered_at = models.DateTimeField(_("entered"))
    left_at = models.DateTimeField(_("left"))
    dwell_s = models.FloatField(_("dwell (s)"))

    class Meta:
        verbose_name = _("visit")
        verbose_name_plural = _("visits")
        constraints = [
            models.UniqueConstraint(
                fields=["camera", "run_id", "zone_id", "track_id", "nth"], name="visit_once"
            )
        ]
        indexes = [
            models.Index(fields=["camera", "entered_at"], name="visit_camera_entered"),
            models.Index(fields=["entered_at"], name="visit_entered"),
        ]

    def __str__(self) -> str:
        return f"{self.object_class} {self.zone_id}"


class CountInterval(models.Model):
    """Crossings of one line in one minute, by class, size and direction."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="+")
    line_id = models.CharField(_("line"), max_length=40)
    minute = models.BigIntegerField(_("minute"))
    object_class = models.CharField(_("class"), max_length=40)
    size = models.CharField(_("size"), max_length=5, choices=SizeChoice, blank=True, default="")
    direction = models.CharField(_("direction"), max_length=8, choices=DirectionChoice)
    count = models.PositiveIntegerField(_("count"))

    class Meta:
        verbose_name = _("count per minute")
        verbose_name_plural = _("counts per minute")
        constraints = [
            models.UniqueConstraint(
                fields=["camera", "minute", "line_id", "object_class", "size", "direction"],
                name="count_interval_once",
            )
        ]
        indexes = [models.Index(fields=["minute"], name="count_interval_minute")]

    def __str__(self) -> str:
        return f"{self.line_id} {self.minute}: {self.count}"


class ObservedMinute(models.Model):
    """Seconds of one minute in which a camera was really watched: tells a zero from a gap; and in
    which it is known to have been down: tells a dead camera from a gateway that was off."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="+")
    minute = models.BigIntegerField(_("minute"))
    observed_s = models.FloatField(_("seconds observed"))
    down_s = models.FloatField(_("seconds down"), default=0.0)

    class Meta:
        verbose_name = _("observed minute")
        verbose_name_plural = _("observed minutes")
        constraints = [
            models.UniqueConstraint(fields=["camera", "minute"], name="observed_minute_once")
        ]
        indexes = [models.Index(fields=["minute"], name="observed_minute_minute")]

    def __str__(self) -> str:
        return f"{self.minute}: {self.observed_s:g} s"


class ZoneMinute(models.Model):
    """Occupancy of one zone over one minute: ``occupied_s`` is objects × seconds, ``visits`` are
    those that began in it."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="+")
    zone_id = models.CharField(_("zone"), max_length=40)
    minute = models.BigIntegerField(_("minute"))
    occupied_s = models.FloatField(_("occupied (object·s)"), default=0.0)
    occupancy_max = models.PositiveIntegerField(_("most at once"), default=0)
    visits = models.PositiveIntegerField(_("visits"), default=0)

    class Meta:
        verbose_name = _("zone minute")
        verbose_name_plural = _("zone minutes")
        constraints = [
            models.UniqueConstraint(fields=["camera", "minute", "zone_id"], name="zone_minute_once")
        ]
        indexes = [models.Index(fields=["minute"], name="zone_minute_minute")]

    def __str__(self) -> str:
        return f"{self.zone_id} {self.minute}"


class RunProgress(models.Model):
    """The last batch of a worker's run that was applied: a batch sent again adds nothing."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="+")
    run_id = models.CharField(_("run"), max_length=64)
    sequence = models.BigIntegerField(_("last batch"))
    updated_at = models.DateTimeField(_("updated"))

    class Meta:
        verbose_name = _("run progress")
        verbose_name_plural = _("run progress")
        constraints = [
            models.UniqueConstraint(fields=["camera", "run_id"], name="run_progress_once")
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.sequence}"
