"""Changing the site's settings."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from models_registry.errors import Refused
from models_registry.services.actor import Actor
from sensing.domain.classes import PERSON_CLASSES, VEHICLE_CLASSES
from sensing.models import Site
from sensing.selectors.site import current_site

logger = logging.getLogger(__name__)

SITE_FIELDS = frozenset(
    {
        "name",
        "time_zone",
        "keep_crossings_days",
        "keep_intervals_days",
        "default_pictures",
        "speed_unit",
        "car_units",
        "audit_strips",
        "keep_strips_days",
    }
)

CAR_UNIT_CLASSES = (*VEHICLE_CLASSES, *PERSON_CLASSES)
MOST_CAR_UNITS = 20


def site_change(*, by: Actor, **changes: Any) -> Site:
    """Change the fields given; raises ``Refused``."""
    unknown = changes.keys() - SITE_FIELDS
    if unknown:
        raise TypeError(f"a site has no {', '.join(sorted(unknown))}")
    if "car_units" in changes:
        changes["car_units"] = checked_car_units(changes["car_units"])
    site = current_site()
    for name, value in changes.items():
        setattr(site, name, value)
    try:
        site.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refused("invalid", " ".join(messages), field) from error
    # Not the whole row: its detector may have been deployed since it was read.
    site.save(update_fields=[*changes, "updated_at"])
    logger.info("site changed by %s", by)
    return site


def checked_car_units(table: Any) -> dict[str, float]:
    """Passenger car units by class, in the order in which classes are shown. Raises ``Refused``."""
    if not isinstance(table, Mapping):
        words = _("Expected a number for each class, got %(got)s.")
        raise Refused("invalid", words % {"got": type(table).__name__}, "car_units")
    if unknown := sorted(str(name)[:40] for name in table if name not in CAR_UNIT_CLASSES):
        words = _("Expected classes among %(known)s, got %(unknown)s.")
        known = ", ".join(CAR_UNIT_CLASSES)
        text = words % {"known": known, "unknown": ", ".join(unknown[:5])}
        raise Refused("invalid", text, "car_units")
    for name, value in table.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value <= MOST_CAR_UNITS or not math.isfinite(value):
            words = _("%(name)s: expected a number from 0 to %(most)d, got %(value)s.")
            values = {"name": name, "most": MOST_CAR_UNITS, "value": repr(value)[:40]}
            raise Refused("invalid", words % values, "car_units")
    return {name: float(table[name]) for name in CAR_UNIT_CLASSES if name in table}
