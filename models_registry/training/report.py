"""A run's curves and its card as one HTML file that needs nothing beside it."""

from __future__ import annotations

import html
import json

from plotly.offline import get_plotlyjs

from models_registry.inspection.card_html import card_html
from models_registry.training.card import Made, lead, sections
from models_registry.training.curves import Curve, Panel, panels
from models_registry.training.report_look import DRAWS, STYLE

NO_CURVES = "No curves: fewer than two points were noted."


def report(made: Made) -> str:
    """HTML: the card's first words, the curves, the rest of the card."""
    title = html.escape(made.recipe.name)
    found = panels(made.history)
    rest = card_html("\n\n".join(sections(made)))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{title}</h1>{_lead(made)}"
        f"<h2>Curves</h2>{_curves(found)}"
        f"<article>{rest}</article>"
        f"</main>{_drawing(found)}</body></html>"
    )


def _lead(made: Made) -> str:
    shown = [card_html(part) for part in lead(made)]
    if made.stopped:
        shown[0] = f'<div class="unfinished">{shown[0]}</div>'
    return "".join(shown)


def _curves(found: list[Panel]) -> str:
    if not found:
        return f"<p>{NO_CURVES}</p>"
    return '<div class="panels">' + "".join(map(_panel, found)) + "</div>"


def _panel(panel: Panel) -> str:
    """Its legend is the page's own: Plotly's takes room that a phone does not have."""
    keys = "".join(map(_key, panel.curves)) if len(panel.curves) > 1 else ""
    title = html.escape(panel.title)
    return (
        f"<figure><figcaption><h3>{title}</h3>"
        + (f'<ul class="keys">{keys}</ul>' if keys else "")
        + f'</figcaption><div class="plot" role="img" aria-label="{title}, table below"></div>'
        f"<details><summary>As a table</summary>{_numbers(panel)}</details></figure>"
    )


def _key(curve: Curve) -> str:
    stroke = {"solid": "solid", "dot": "dotted"}.get(curve.dash, "dashed")
    style = f"border-top:3px {stroke} var(--{curve.hue})"
    return f'<li><i style="{style}"></i>{html.escape(curve.name)}</li>'


def _numbers(panel: Panel) -> str:
    known = [dict(zip(x.steps, x.values, strict=True)) for x in panel.curves]
    head = "".join(f"<th>{html.escape(x)}</th>" for x in ("step", *(y.name for y in panel.curves)))
    rows = []
    for step in sorted({step for x in panel.curves for step in x.steps}):
        values = [x.get(step) for x in known]
        cells = "".join(f"<td>{_number(x, panel.form)}</td>" for x in values)
        rows.append(f"<tr><td>{step:,}</td>{cells}</tr>")
    return (
        f'<div class="scroll-x numbers"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _number(value: float | None, form: str) -> str:
    if value is None:
        return "–"
    if form == ".3f":
        return f"{value:.3f}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _drawing(found: list[Panel]) -> str:
    if not found:
        return ""
    drawn = [{"data": [x.drawn() for x in p.curves], "layout": p.layout()} for p in found]
    listed = json.dumps(drawn).replace("<", "\\u003c")  # no name may end the script
    return f"<script>{get_plotlyjs()}</script><script>const PANELS = {listed};{DRAWS}</script>"
