"""A run's figures as panels of curves: what is drawn, apart from how a page looks."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models_registry.training.history import Evaluated, History
from models_registry.training.recipe import ROAD_USERS

LEAST_POINTS = 2  # one point is a figure, and the card has it
MARKED_POINTS = 30  # up to so many each has a dot
HUES = 6  # of the page's palette; beyond, dashes tell lines apart
DASHES = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True, slots=True)
class Curve:
    """``hue``: a colour of the page, by name."""

    name: str
    steps: list[int]
    values: list[float | None]
    hue: str
    dash: str = "solid"

    def drawn(self) -> dict[str, Any]:
        """As Plotly takes it. It reads names as HTML, so marks in them are escaped."""
        mode = "lines+markers" if len(self.steps) <= MARKED_POINTS else "lines"
        return {
            "type": "scatter",
            "name": html.escape(self.name),
            "x": self.steps,
            "y": self.values,
            "mode": mode,
            "line": {"dash": self.dash, "width": 2},
            "marker": {"size": 6},
            "cliponaxis": False,  # an AP50 of 1 lies on the edge
            "meta": self.hue,
        }


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves with one unit. ``form``: how d3 writes a value."""

    title: str
    unit: str
    form: str
    curves: list[Curve]
    top: float | None = None

    def layout(self) -> dict[str, Any]:
        """Plotly's, less the colours. Axes begin at nought, so that small changes look small."""
        last = max(curve.steps[-1] for curve in self.curves)
        across: dict[str, Any] = {"dtick": 1} if last <= 5 else {"nticks": 5}
        heights: dict[str, Any] = {"range": [0, self.top]} if self.top else {"rangemode": "tozero"}
        return {
            "height": 280,
            "margin": {"l": 64, "r": 12, "t": 8, "b": 48},
            "showlegend": False,
            "hovermode": "x unified",
            "xaxis": {
                "title": {"text": "step"},
                "range": [0, last * 1.02],
                "tickformat": ",d",
                "hoverformat": ",d",
                "unifiedhovertitle": {"text": "step %{x:,d}"},
                "zeroline": False,
                **across,
            },
            "yaxis": {
                "title": {"text": self.unit},
                "exponentformat": "none",
                "hoverformat": self.form,
                "nticks": 6,
                "zeroline": False,
                **heights,
            },
        }


def panels(history: History) -> list[Panel]:
    """Those that have a curve."""
    found = [_losses(history), *_accuracy(history), *_pace(history)]
    return [panel for panel in found if panel.curves]


def _losses(history: History) -> Panel:
    values: dict[str, list[float | None]] = {
        "total": [x.loss for x in history.steps],
        "classes": [x.class_loss for x in history.steps],
        "boxes": [x.box_loss for x in history.steps],
    }
    steps = [x.step for x in history.steps]
    curves = [Curve(name, steps, y, f"hue-{i}") for i, (name, y) in enumerate(values.items())]
    return Panel("Loss", "loss, mean since last point", ".3f", _shown(curves))


def _pace(history: History) -> list[Panel]:
    steps = [x.step for x in history.steps]
    rates: list[float | None] = [x.rate for x in history.steps]
    speeds: list[float | None] = [x.pictures_per_s for x in history.steps]
    rate = _shown([Curve("learning rate", steps, rates, "hue-0")])
    speed = _shown([Curve("speed", steps, speeds, "hue-0")])
    return [
        Panel("Learning rate", "learning rate", ".3~g", rate),
        Panel("Speed", "pictures per second", ",.3~r", speed),
    ]


def _accuracy(history: History) -> list[Panel]:
    """Two of all sets, then one a set with its classes."""
    by_set: dict[str, list[Evaluated]] = {}
    for evaluated in history.evaluations:
        by_set.setdefault(evaluated.source, []).append(evaluated)
    classes = list(dict.fromkeys(name for x in history.evaluations for name in x.ap50))
    hues = {name: _class_hue(name, i) for i, name in enumerate(classes)}
    return [
        _of_sets("Mean AP50 by set", by_set, lambda x: x.mean_ap50),
        _of_sets("AP50 of any vehicle by set", by_set, lambda x: x.any_vehicle_ap50),
        *(
            Panel(f"AP50 by class: {name}", "AP50, 0 to 1", ".3f", _of_classes(found, hues), 1.0)
            for name, found in by_set.items()
        ),
    ]


def _of_sets(
    title: str, by_set: dict[str, list[Evaluated]], figure: Callable[[Evaluated], float | None]
) -> Panel:
    curves = [
        Curve(name, [x.step for x in found], [figure(x) for x in found], *_hue(i))
        for i, (name, found) in enumerate(by_set.items())
    ]
    return Panel(title, "AP50, 0 to 1", ".3f", _shown(curves), 1.0)


def _of_classes(found: list[Evaluated], hues: dict[str, tuple[str, str]]) -> list[Curve]:
    steps = [x.step for x in found]
    curves = [
        Curve(name, steps, [x.ap50.get(name) for x in found], *hue) for name, hue in hues.items()
    ]
    return _shown(curves)


def _class_hue(name: str, number: int) -> tuple[str, str]:
    """Road users have the colours that they have on every page."""
    return (f"class-{name}", "solid") if name in ROAD_USERS else _hue(number)


def _hue(number: int) -> tuple[str, str]:
    return f"hue-{number % HUES}", DASHES[number // HUES % len(DASHES)]


def _shown(curves: list[Curve]) -> list[Curve]:
    return [x for x in curves if sum(y is not None for y in x.values) >= LEAST_POINTS]
