"""A run's curves as one HTML file that needs nothing beside it."""

from __future__ import annotations

import html

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models_registry.training.card import Made, card
from models_registry.training.history import History

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
    "pre{white-space:pre-wrap;background:#f4f5f7;padding:1rem;border-radius:6px}"
)


def report(made: Made) -> str:
    """HTML: curves, then the card's text."""
    title = html.escape(made.recipe.name)
    curves = figure(made.history).to_html(full_html=False, include_plotlyjs=True)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>{curves}"
        f"<pre>{html.escape(card(made))}</pre></body></html>"
    )


def figure(history: History) -> go.Figure:
    """Losses, accuracy, learning rate and speed over the steps."""
    titles = ("Loss", "AP50 by set", "AP50 by class", "Learning rate, pictures per second")
    shape = make_subplots(
        rows=2,
        cols=2,
        subplot_titles=titles,
        specs=[[{}, {}], [{}, {"secondary_y": True}]],
    )
    steps = [x.step for x in history.steps]
    for name, values in (
        ("total", [x.loss for x in history.steps]),
        ("classes", [x.class_loss for x in history.steps]),
        ("boxes", [x.box_loss for x in history.steps]),
    ):
        shape.add_trace(go.Scatter(x=steps, y=values, name=f"loss: {name}"), row=1, col=1)
    _accuracy(shape, history)
    rates, speeds = [x.rate for x in history.steps], [x.pictures_per_s for x in history.steps]
    shape.add_trace(go.Scatter(x=steps, y=rates, name="learning rate"), row=2, col=2)
    shape.add_trace(
        go.Scatter(x=steps, y=speeds, name="pictures/s"), row=2, col=2, secondary_y=True
    )
    shape.update_layout(height=820, template="plotly_white", legend={"orientation": "h"})
    shape.update_xaxes(title_text="step")
    shape.update_yaxes(range=[0, 1], row=1, col=2)
    shape.update_yaxes(range=[0, 1], row=2, col=1)
    return shape


def _accuracy(shape: go.Figure, history: History) -> None:
    for source in dict.fromkeys(x.source for x in history.evaluations):
        found = [x for x in history.evaluations if x.source == source]
        steps = [x.step for x in found]
        for name, values in (
            ("mean", [x.mean_ap50 for x in found]),
            ("any vehicle", [x.any_vehicle_ap50 for x in found]),
        ):
            line = go.Scatter(x=steps, y=values, name=f"{source}: {name}", mode="lines+markers")
            shape.add_trace(line, row=1, col=2)
        for name in found[0].ap50:
            values = [x.ap50.get(name) for x in found]
            if any(x is not None for x in values):
                line = go.Scatter(x=steps, y=values, name=f"{source}: {name}", mode="lines+markers")
                shape.add_trace(line, row=2, col=1)
