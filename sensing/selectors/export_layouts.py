"""Layouts that traffic engineers read: classified counts and turning movements by quarter of an
hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator

from django.utils.translation import gettext as _

from sensing.domain.classes import size_of
from sensing.export.quarter_layout import Group, Layout, Quarter, sheet
from sensing.export.table import Sheet
from sensing.models import Camera, DirectionChoice
from sensing.selectors.export_bins import LineCounts, by_start, edges_of, line_counts, spans
from sensing.selectors.export_figures import movement_feed, movement_keys
from sensing.selectors.export_tables import LARGE, NAMED, OTHER, SMALL, Asked, names_of
from sensing.selectors.rollups import QUARTER_MINUTES


def classified(asked: Asked) -> Iterator[Sheet]:
    """A sheet for each line: classes and sizes per direction."""
    for camera in asked.cameras:
        groups = [Group(way, (str(DirectionChoice(way).label),)) for way in DirectionChoice.values]
        columns = (*NAMED, OTHER, SMALL, LARGE)
        for line, name in names_of(camera.scene.lines).items():
            title = f"{camera.name} – {name}"
            layout = Layout(
                title, _notes(asked, title), groups, columns, frozenset({*NAMED, OTHER})
            )
            yield sheet(layout, _classified_quarters(asked, camera, line))


def _classified_quarters(asked: Asked, camera: Camera, line: str) -> Iterator[Quarter]:
    rows = (row for row in line_counts(asked, camera, QUARTER_MINUTES) if row.line == line)
    for ways in by_start(rows):
        first = ways[0]
        found: dict[Hashable, dict[str, int]] = {row.direction: _columns(row) for row in ways}
        local = first.start.astimezone(asked.zone)
        yield Quarter(local, first.observed_s, first.coverage, found)


def _columns(row: LineCounts) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for name, count in (row.classes or {}).items():
        counts[name if name in NAMED else OTHER] += count
    return {**counts, SMALL: row.sizes.get("small", 0), LARGE: row.sizes.get("large", 0)}


def turning(asked: Asked) -> Iterator[Sheet]:
    """A sheet for each camera with movements: leg × movement × class."""
    for camera in asked.cameras:
        lines = names_of(camera.scene.lines)
        keys = movement_keys(asked, camera)
        classes = [name for name in NAMED if name in {key[4] for key in keys}]
        if {key[4] for key in keys} - set(NAMED):
            classes.append(OTHER)
        groups = [Group(gates, _leg(lines, *gates)) for gates in sorted({key[:4] for key in keys})]
        columns = (*classes, SMALL, LARGE)
        layout = Layout(
            camera.name, _notes(asked, camera.name), groups, columns, frozenset(classes)
        )
        yield sheet(layout, _turning_quarters(asked, camera))


def _leg(
    lines: dict[str, str], origin: str, out_of: str, destination: str, into: str
) -> tuple[str, str]:
    same = origin == destination and out_of != into
    way = _("U-turn") if same else f"→ {lines.get(destination, destination)} ({into})"
    return f"{lines.get(origin, origin)} ({out_of})", way


def _turning_quarters(asked: Asked, camera: Camera) -> Iterator[Quarter]:
    edges = edges_of(asked, QUARTER_MINUTES)
    feed = movement_feed(camera, edges) if edges else None
    for span in spans(asked, camera, edges):
        counts: dict[Hashable, dict[str, int]] = {}
        for row in feed.at(span.place) if feed else []:
            of_gates = counts.setdefault(tuple(row[:4]), defaultdict(int))
            name, count = row[4], row[5]
            of_gates[name if name in NAMED else OTHER] += count
            if size := size_of(name):
                of_gates[SMALL if size == "small" else LARGE] += count
        local = span.start.astimezone(asked.zone)
        yield Quarter(local, span.observed_s, span.coverage, counts)


def _notes(asked: Asked, subject: str) -> list[str]:
    order, zone = asked.order, asked.zone
    start = order.start.astimezone(zone).isoformat(timespec="minutes")
    end = order.end.astimezone(zone).isoformat(timespec="minutes")
    return [
        f"{asked.site.name}: {subject}",
        f"{start} – {end} ({zone.key})",
        _("Crossings in 15 minutes. Empty: not observed; 0: observed, nobody came."),
        _("Peak hour: the best four quarters in a row that were observed completely."),
        _("PHF = V60 / (4 × V15 max)."),
    ]
