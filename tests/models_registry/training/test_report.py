"""What the card and the report page say, and how names come through to them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models_registry.inspection.card_html import card_html
from models_registry.training.card import Made, card, plain, table
from models_registry.training.curves import panels
from models_registry.training.history import Evaluated, History, StepFigures, duration
from models_registry.training.labelled import LabelledPicture, LabelledSource, make_objects
from models_registry.training.provenance import Provenance
from models_registry.training.recipe import Recipe
from models_registry.training.recipe_file import read_recipe
from models_registry.training.report import report
from tests.models_registry.training.rectangles import NAMES, recipe_document

STRANGE = "my valid <b>|x"
PICTURE = LabelledPicture(
    Path("000.png"), make_objects([((0, 0, 1, 1), 0, 1.0, False)]), np.array([True, True])
)


def recipe(**changes: Any) -> Recipe:
    return read_recipe(recipe_document(steps=40, evaluate_every=10) | changes)


def history(steps: int, source: str = "valid") -> History:
    """A point every 10 steps."""
    done = range(10, steps + 1, 10)
    return History(
        [StepFigures(x, 1.5, 1.0, 0.5, 9.0, 0.00025, 10.0625) for x in done],
        [Evaluated(x, source, 8, 0.5, None, {"car": 0.5, "bus": None}) for x in done],
        12.34,
    )


def made(step: int = 40, **changes: Any) -> Made:
    """Only cars in its one source."""
    return replace(
        Made(
            recipe=recipe(),
            sources=(LabelledSource("train", (PICTURE,), 1.0),),
            step=step,
            history=history(step),
            provenance=Provenance("", {"processor": "a processor", "cores_usable": 2}, "2"),
            file_bytes=1000,
            parameters=10,
            macs=10,
        ),
        **changes,
    )


def drawn(page: str) -> list[dict[str, Any]]:
    """The panels that the page's script draws."""
    found = re.search(r"const PANELS = (.*?);\n", page)
    return json.loads(found[1]) if found else []


def test_the_page_shows_the_card_and_not_its_markdown() -> None:
    page = report(made(recipe=recipe(notes="By `hand`.")))
    body = page.partition("<script>")[0]
    for part in ("<h1>rectangles</h1>", "<h2>What it finds</h2>", "<code>hand</code>"):
        assert body.count(part) == 1
    assert '<td style="text-align:right">.500</td>' in body
    assert "<pre><code>name: rectangles" in body
    for mark in ("## ", "| ---", "```"):
        assert mark not in body


def test_the_page_needs_nothing_beside_it_and_is_made_for_phones_and_nights() -> None:
    page = report(made())
    head = page.partition("<script>")[0]
    assert not re.search(r"<(script|img|iframe)[^>]* src=|<link|@import|url\(", head)
    assert "<script src=" not in page
    assert '<meta name="viewport"' in head
    assert "prefers-color-scheme:dark" in head


def test_names_are_text_in_curves_and_card() -> None:
    strange = made(history=history(40, STRANGE))
    assert f"| {plain(STRANGE)} | 8 |" in card(strange)
    page = report(strange)
    assert "<td>my valid &lt;b&gt;|x</td>" in page
    assert "<h3>AP50 by class: my valid &lt;b&gt;|x</h3>" in page
    names = [x["name"] for panel in drawn(page) for x in panel["data"]]
    assert "my valid &lt;b&gt;|x" in names
    assert not any("<" in name for name in names)


@pytest.mark.parametrize(
    "name",
    [
        STRANGE,
        "a*b*c",
        "`x",
        "_low_",
        "traffic_light",
        "[a](b)",
        "C:\\|",
        "x &amp; y",
        "two\nlines",
    ],
)
def test_a_cell_shows_what_it_was_given(name: str) -> None:
    shown = card_html(table(["name", "n"], [[name, "1"]]))
    cells = re.findall(r"<td[^>]*>(.*?)</td>", shown)
    text = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert cells == [text.replace("\n", " "), "1"]


def test_an_ordinary_name_is_written_as_it_is() -> None:
    assert plain("roadside_cameras 2 (night), 4:3") == "roadside_cameras 2 (night), 4:3"


def test_lists_of_facts_have_no_empty_head() -> None:
    assert "<th" not in card_html(table(["", ""], [["seed", "1"]]))
    assert "<th" in card_html(table(["", "AP50"], [["cctv", ".5"]]))


def test_a_run_stopped_before_its_first_figure_says_so() -> None:
    stopped = made(step=1)
    text = card(stopped)
    assert "**Unfinished: stopped after step 1 of 40.**" in text
    assert "Not measured yet: stopped after step 1 of 40" in text
    assert "[[evaluation]]" not in text
    assert "| steps | 1 of 40 done, each of 8 pictures: 8 |" in text
    page = report(stopped)
    assert '<div class="unfinished">' in page
    assert 'class="plot"' not in page
    assert "No curves" in page


def test_a_stopped_run_does_not_claim_to_be_mixed() -> None:
    share = recipe()
    share = replace(share, network=replace(share.network, start="a.onnx", start_share=0.5))
    assert "| mixed |" in card(made(recipe=share))
    assert "| mixed |" not in card(made(step=30, recipe=share))


def test_figures_from_before_the_first_step_are_not_the_training_s() -> None:
    before = History([], [Evaluated(0, "valid", 8, 0.5, None, {"car": 0.5})], 1.0)
    assert "those of the file it was begun with" in card(made(step=5, history=before))


def test_without_evaluation_the_recipe_is_named_as_the_cause() -> None:
    bare = made(recipe=recipe(evaluation=[]), history=History())
    assert "the recipe names no `[[evaluation]]`" in card(bare)


def test_a_finished_run_is_not_called_unfinished() -> None:
    assert "stopped" not in card(made())
    assert "| steps | 40 of 8 pictures: 320 |" in card(made())


def test_only_panels_with_curves_are_drawn_each_with_a_unit() -> None:
    titles = [x.title for x in panels(history(40))]
    assert titles == [
        "Loss", "Mean AP50 by set", "AP50 by class: valid", "Learning rate", "Speed",
    ]  # fmt: skip
    only_losses = replace_evaluations(history(40))
    assert [x.title for x in panels(only_losses)] == ["Loss", "Learning rate", "Speed"]
    for panel in drawn(report(made())):
        layout = panel["layout"]
        assert layout["yaxis"]["title"]["text"]
        assert layout["xaxis"]["title"]["text"] == "step"
        assert layout["yaxis"]["exponentformat"] == "none"
        colours = [(x["meta"], x["line"]["dash"]) for x in panel["data"]]
        assert len({*colours}) == len(colours)


def replace_evaluations(whole: History) -> History:
    return History(whole.steps, [], whole.seconds)


def test_every_panel_is_there_as_a_table() -> None:
    page = report(made())
    assert page.count("<summary>As a table</summary>") == 5
    assert "<tr><td>20</td><td>0.00025</td></tr>" in page
    assert "<tr><td>20</td><td>10.1</td></tr>" in page
    assert "<tr><td>20</td><td>0.500</td></tr>" in page


def test_a_class_without_an_example_is_told() -> None:
    assert "| finds | car |\n| never seen | bus |" in card(made())
    whole = replace(PICTURE, objects=make_objects([((0, 0, 1, 1), i, 1, False) for i in (0, 1)]))
    seen = made(sources=(LabelledSource("train", (PICTURE, whole), 1.0),))
    assert f"| finds | {', '.join(NAMES)} |\n| input |" in card(seen)


def test_what_an_earlier_training_knew_may_still_be_found() -> None:
    begun = recipe()
    begun = replace(begun, network=replace(begun.network, start="a.onnx"))
    assert "| finds | car, bus |\n| no example in this training | bus |" in card(made(recipe=begun))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.01, "less than 0.1 s"), (12.34, "12.3 s"), (660, "11.0 min"), (4788, "1.33 h")],
)
def test_a_duration_is_told_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert duration(seconds) == words
    assert f"| time | {words} |" in card(made(history=History(seconds=seconds)))


def test_lines_of_a_panel_differ_however_many_they_are() -> None:
    names = [f"kind {n}" for n in range(14)]
    figures = dict.fromkeys(["car", *names], 0.5)
    many = History([], [Evaluated(x, "valid", 8, 0.5, 0.5, figures) for x in (10, 20)])
    by_class = panels(many)[-1]
    assert len({(x.hue, x.dash) for x in by_class.curves}) == 15
    assert by_class.curves[0].hue == "class-car"
