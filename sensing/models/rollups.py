"""What was sensed per quarter of an hour: pages read a year from these, never from crossings.

Quarters are whole Unix quarters (unix time // 900): every time zone's days begin on one. Packed
columns are read and written by ``sensing.domain.statistics.packing`` alone. What a row holds stands
in an abstract class, of which ``sensing.models.days`` makes the rows per day.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from sensing.models.cameras import Camera
from sensing.models.results import DirectionChoice, SizeChoice


class Quarter(models.Model):
    """What every row per quarter has."""

    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="+")
    quarter = models.BigIntegerField(_("quarter of an hour"))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.camera_id}: {self.quarter}"


class Counted(Quarter):
    """Crossings of one line; ``turn_backs`` of them undid the same person's crossing before."""

    line_id = models.CharField(_("line"), max_length=40)
    object_class = models.CharField(_("class"), max_length=40)
    size = models.CharField(_("size"), max_length=5, choices=SizeChoice, blank=True, default="")
    direction = models.CharField(_("direction"), max_length=8, choices=DirectionChoice)
    count = models.PositiveIntegerField(_("count"))
    turn_backs = models.PositiveIntegerField(_("turn-backs"), default=0)
    wrong_way = models.PositiveIntegerField(_("wrong way"), default=0)

    class Meta:
        abstract = True


class QuarterCount(Counted):
    class Meta:
        verbose_name = _("count per quarter")
        verbose_name_plural = _("counts per quarter")
        constraints = [
            models.UniqueConstraint(
                fields=["camera", "quarter", "line_id", "object_class", "size", "direction"],
                name="quarter_count_once",
            )
        ]
        indexes = [models.Index(fields=["quarter"], name="quarter_count_quarter")]


class Watched(Quarter):
    """Seconds watched, and seconds for which the camera is known to have been down."""

    observed_s = models.FloatField(_("seconds observed"), default=0.0)
    down_s = models.FloatField(_("seconds down"), default=0.0)

    class Meta:
        abstract = True


class QuarterObserved(Watched):
    class Meta:
        verbose_name = _("observed quarter")
        verbose_name_plural = _("observed quarters")
        constraints = [
            models.UniqueConstraint(fields=["camera", "quarter"], name="quarter_observed_once")
        ]
        indexes = [models.Index(fields=["quarter"], name="quarter_observed_quarter")]


class Stayed(Quarter):
    """Occupancy and visits of one zone; ``dwell`` is the packed histogram of the visits that ended
    in it."""

    zone_id = models.CharField(_("zone"), max_length=40)
    occupied_s = models.FloatField(_("occupied (object·s)"), default=0.0)
    occupancy_max = models.PositiveIntegerField(_("most at once"), default=0)
    visits = models.PositiveIntegerField(_("visits begun"), default=0)
    dwell_s = models.FloatField(_("sum of dwell (s)"), default=0.0)
    dwell = models.BinaryField(_("dwell histogram"), default=bytes)

    class Meta:
        abstract = True


class QuarterZone(Stayed):
    class Meta:
        verbose_name = _("zone quarter")
        verbose_name_plural = _("zone quarters")
        constraints = [
            models.UniqueConstraint(
                fields=["camera", "quarter", "zone_id"], name="quarter_zone_once"
            )
        ]
        indexes = [models.Index(fields=["quarter"], name="quarter_zone_quarter")]


class Measured(Quarter):
    """Measured speeds at one line: sums for both means, and a packed histogram for percentiles.

    ``doubtful`` of them were measured while the camera seemed to have moved.
    """

    line_id = models.CharField(_("line"), max_length=40)
    direction = models.CharField(_("direction"), max_length=8, choices=DirectionChoice)
    object_class = models.CharField(_("class"), max_length=40)
    count = models.PositiveIntegerField(_("speeds"))
    doubtful = models.PositiveIntegerField(_("doubtful"), default=0)
    sum_mps = models.FloatField(_("sum of speeds (m/s)"))
    sum_s_per_m = models.FloatField(_("sum of 1 / speed (s/m)"))
    on_line_s = models.FloatField(_("seconds on the line"), default=0.0)
    histogram = models.BinaryField(_("speed histogram"), default=bytes)

    class Meta:
        abstract = True


class QuarterSpeed(Measured):
    class Meta:
        verbose_name = _("speeds per quarter")
        verbose_name_plural = _("speeds per quarter")
        constraints = [
            models.UniqueConstraint(
                fields=["camera", "quarter", "line_id", "direction", "object_class"],
                name="quarter_speed_once",
            )
        ]
        indexes = [models.Index(fields=["quarter"], name="quarter_speed_quarter")]


class Moved(Quarter):
    """Trips from the first line that an object passed to the last."""

    origin_line = models.CharField(_("from line"), max_length=40)
    origin_direction = models.CharField(_("from, direction"), max_length=8, choices=DirectionChoice)
    destination_line = models.CharField(_("to line"), max_length=40)
    destination_direction = models.CharField(
        _("to, direction"), max_length=8, choices=DirectionChoice
    )
    object_class = models.CharField(_("class"), max_length=40)
    count = models.PositiveIntegerField(_("count"))

    class Meta:
        abstract = True


class QuarterMovement(Moved):
    class Meta:
        verbose_name = _("movement per quarter")
        verbose_name_plural = _("movements per quarter")
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "camera",
                    "quarter",
                    "origin_line",
                    "origin_direction",
                    "destination_line",
                    "destination_direction",
                    "object_class",
                ],
                name="quarter_movement_once",
            )
        ]
        indexes = [models.Index(fields=["quarter"], name="quarter_movement_quarter")]


class Heated(Quarter):
    """Where objects were: packed object-seconds per cell of the picture."""

    kind = models.CharField(_("kind"), max_length=8)  # "vehicle" or "person"
    cells = models.BinaryField(_("object·s per cell"), default=bytes)

    class Meta:
        abstract = True


class QuarterHeat(Heated):
    class Meta:
        verbose_name = _("heat per quarter")
        verbose_name_plural = _("heat per quarter")
        constraints = [
            models.UniqueConstraint(fields=["camera", "quarter", "kind"], name="quarter_heat_once")
        ]
        indexes = [models.Index(fields=["quarter"], name="quarter_heat_quarter")]
