"""A model card's Markdown as a page shows it."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from models_registry.inspection import card_html as cards

register = template.Library()

DEEPER = 2  # a page has its own first heading, and the panel the second


@register.filter
def card_html(markdown: str) -> SafeString:
    """Headings two levels down; safe although nobody vouches for the card (``inspection``)."""
    return SafeString(cards.card_html(markdown, DEEPER))
