"""Changing the site's settings."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import ValidationError

from models_registry.errors import Refused
from models_registry.services.actor import Actor
from sensing.models import Site
from sensing.selectors.site import current_site

logger = logging.getLogger(__name__)

SITE_FIELDS = frozenset(
    {"name", "time_zone", "keep_crossings_days", "keep_intervals_days", "default_pictures"}
)


def site_change(*, by: Actor, **changes: Any) -> Site:
    """Change the fields given; raises ``Refused``."""
    unknown = changes.keys() - SITE_FIELDS
    if unknown:
        raise TypeError(f"a site has no {', '.join(sorted(unknown))}")
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
