"""A model card's Markdown as a page shows it."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

register = template.Library()

DEEPER = 2  # a page has its own first heading, and the panel the second
# A card comes with an uploaded file, so nobody vouches for it: none of its own HTML passes and no
# picture is fetched; the reader itself refuses links to scripts.
_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


@register.filter
def card_html(markdown: str) -> SafeString:
    """Headings two levels down, wide tables in a box that scrolls."""
    tokens = _READER.parse(markdown)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + DEEPER)}"
        elif token.type == "table_open":
            token.attrSet("class", "table")
        for part in token.children or ():
            if part.type == "link_open":
                part.attrSet("rel", "noopener noreferrer nofollow")
    html = _READER.renderer.render(tokens, _READER.options, {})
    # Only tags that the reader wrote can match: text has its angle brackets escaped.
    html = html.replace("<table ", '<div class="scroll-x"><table ')
    return SafeString(html.replace("</table>", "</table></div>"))
