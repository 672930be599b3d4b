"""A model card's Markdown as HTML."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.token import Token

# A card comes with an uploaded file, so nobody vouches for it: none of its own HTML passes and no
# picture is fetched; the reader itself refuses links to scripts.
_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def card_html(markdown: str, deeper: int = 0) -> str:
    """Headings so many levels down, wide tables in a box that scrolls, no empty table heads."""
    tokens = _without_empty_heads(_READER.parse(markdown))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + deeper)}"
        elif token.type == "table_open":
            token.attrSet("class", "table")
        for part in token.children or ():
            if part.type == "link_open":
                part.attrSet("rel", "noopener noreferrer nofollow")
    html: str = _READER.renderer.render(tokens, _READER.options, {})
    # Only tags that the reader wrote can match: text has its angle brackets escaped.
    html = html.replace("<table ", '<div class="scroll-x"><table ')
    return html.replace("</table>", "</table></div>")


def _without_empty_heads(tokens: list[Token]) -> list[Token]:
    """Markdown knows no table without a head: a card's lists of facts have an empty one."""
    kept: list[Token] = []
    begun = 0
    for token in tokens:
        if token.type == "thead_open":
            begun = len(kept)
        kept.append(token)
        if token.type == "thead_close" and not any(x.content.strip() for x in kept[begun:]):
            del kept[begun:]
    return kept
