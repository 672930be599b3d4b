"""What templates need to know and their view does not tell them."""

from __future__ import annotations

from django import template

from sensing.models import Site
from sensing.selectors import current_site

register = template.Library()


@register.simple_tag
def gateway_site() -> Site:
    """The site of this gateway; Django's log-in view gives ``site`` another meaning."""
    return current_site()
