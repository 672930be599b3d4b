"""Model cards as pages show them: they come with files that nobody vouches for."""

from __future__ import annotations

import pytest

from models_registry.templatetags.cards import card_html
from models_registry.training.card import table


def test_headings_go_below_those_of_the_page() -> None:
    assert card_html("# Gate\n\n## Limits") == "<h3>Gate</h3>\n<h4>Limits</h4>\n"


def test_a_table_is_one_and_can_scroll() -> None:
    shown = card_html("| set | AP50 |\n| --- | --- |\n| cctv | .61 |")
    assert shown.startswith('<div class="scroll-x"><table class="table">')
    assert "<td>.61</td>" in shown
    assert shown.rstrip().endswith("</table></div>")


def test_figures_end_at_the_right() -> None:
    written = table(
        ["set", "pictures", "AP50"], [["cctv", "1,031", ".61"], ["highway", "483", "–"]]
    )
    shown = card_html(written)
    assert '<th style="text-align:right">AP50</th>' in shown
    assert '<td style="text-align:right">1,031</td>' in shown
    assert "<td>highway</td>" in shown


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src="x" onerror="alert(1)">',
        "[here](javascript:alert(1))",
        "[here](data:text/html;base64,PHNjcmlwdD4=)",
        "[here](vbscript:alert(1))",
        "![seen](https://example.org/who-looks.png)",
        "<table class=x onclick=alert(1)>",
        "```\n</code></pre><script>alert(1)</script>\n```",
        "<javascript:alert(1)>",
    ],
)
def test_nothing_in_a_card_runs_or_is_fetched(hostile: str) -> None:
    shown = card_html(hostile)
    for tag in ("<script", "<img", "<table", 'href="javascript', 'href="data', 'href="vbscript'):
        assert tag not in shown


def test_a_link_tells_the_other_side_nothing() -> None:
    shown = card_html("[the paper](https://example.org/a?b=1&c=2)")
    assert 'href="https://example.org/a?b=1&amp;c=2" rel="noopener noreferrer nofollow"' in shown


def test_a_card_of_brackets_is_shown_in_time_that_grows_with_it() -> None:
    assert card_html("[" * 20_000).count("[") == 20_000
    assert card_html("> " * 5_000 + "deep")
