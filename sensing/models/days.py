"""What was sensed per local day of the site: the sums of its quarters of an hour, made afterwards.

A day's rows bear the number of its first quarter, so that whatever places quarters in time places
days as well. They are valid while a ``SummedDay`` vouches for them; without one, the quarters tell.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from sensing.models.rollups import (
    Counted,
    Heated,
    Measured,
    Moved,
    Quarter,
    QuarterCount,
    QuarterHeat,
    QuarterMovement,
    QuarterObserved,
    QuarterSpeed,
    QuarterZone,
    Stayed,
    Watched,
)


class SummedDay(models.Model):
    """Rows per day that begin in quarters [first, after) hold what the quarters there hold.

    It is deleted with the first change of one of them. No two overlap; after the site's time zone
    was changed, days of the old zone stay until those of the new one take their place.
    """

    first = models.BigIntegerField(_("first quarter"), primary_key=True)
    after = models.BigIntegerField(_("quarter after the last"))

    class Meta:
        verbose_name = _("summed day")
        verbose_name_plural = _("summed days")

    def __str__(self) -> str:
        return f"{self.first}-{self.after}"


def _once(of: type[Quarter], name: str) -> models.UniqueConstraint:
    """The natural key of the rows per quarter."""
    (constraint,) = of._meta.constraints
    assert isinstance(constraint, models.UniqueConstraint)
    return models.UniqueConstraint(fields=constraint.fields, name=name)


class DayCount(Counted):
    class Meta:
        verbose_name = _("count per day")
        verbose_name_plural = _("counts per day")
        constraints = [_once(QuarterCount, "day_count_once")]
        indexes = [models.Index(fields=["quarter"], name="day_count_quarter")]


class DayObserved(Watched):
    class Meta:
        verbose_name = _("observed day")
        verbose_name_plural = _("observed days")
        constraints = [_once(QuarterObserved, "day_observed_once")]
        indexes = [models.Index(fields=["quarter"], name="day_observed_quarter")]


class DayZone(Stayed):
    class Meta:
        verbose_name = _("zone day")
        verbose_name_plural = _("zone days")
        constraints = [_once(QuarterZone, "day_zone_once")]
        indexes = [models.Index(fields=["quarter"], name="day_zone_quarter")]


class DaySpeed(Measured):
    class Meta:
        verbose_name = _("speeds per day")
        verbose_name_plural = _("speeds per day")
        constraints = [_once(QuarterSpeed, "day_speed_once")]
        indexes = [models.Index(fields=["quarter"], name="day_speed_quarter")]


class DayMovement(Moved):
    class Meta:
        verbose_name = _("movement per day")
        verbose_name_plural = _("movements per day")
        constraints = [_once(QuarterMovement, "day_movement_once")]
        indexes = [models.Index(fields=["quarter"], name="day_movement_quarter")]


class DayHeat(Heated):
    class Meta:
        verbose_name = _("heat per day")
        verbose_name_plural = _("heat per day")
        constraints = [_once(QuarterHeat, "day_heat_once")]
        indexes = [models.Index(fields=["quarter"], name="day_heat_quarter")]


DAYS_OF: dict[type[Quarter], type[Quarter]] = {
    QuarterCount: DayCount,
    QuarterObserved: DayObserved,
    QuarterZone: DayZone,
    QuarterSpeed: DaySpeed,
    QuarterMovement: DayMovement,
    QuarterHeat: DayHeat,
}
"""Rows per quarter → rows per day of the same content."""
