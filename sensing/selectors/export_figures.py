"""Figures per bin for exports: counts, speeds, movements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sensing.domain.statistics.bins import flow_per_h
from sensing.domain.statistics.mix import car_units
from sensing.export.table import Column, Table
from sensing.models import Camera, QuarterMovement, Site
from sensing.selectors.export_bins import (
    InStep,
    LineSpeeds,
    by_start,
    edges_of,
    line_counts,
    placed,
    spans,
)
from sensing.selectors.export_tables import (
    CAMERA,
    LARGE,
    NAMED,
    OTHER,
    PERIOD,
    SMALL,
    WATCHED,
    Asked,
    Rows,
    names_of,
    numbers,
    texts,
    wholes,
)
from sensing.selectors.quarters import quarters_of
from sensing.selectors.rollups import QUARTER_MINUTES, rows_over
from sensing.selectors.speed_rows import SpeedSums
from sensing.selectors.speeds import figures


def counts(asked: Asked) -> Table:
    """One row for each direction of each line in each bin, with the speeds of bins that hold any:
    those of a quarter of an hour and longer."""
    unit, with_speeds = asked.site.speed_unit, asked.bin_minutes >= QUARTER_MINUTES
    columns = (
        *PERIOD, *CAMERA, *texts("line_id", "line", "direction"), *WATCHED,
        *wholes(SMALL, LARGE, *NAMED, OTHER, "total"), *numbers("pcu", "flow_per_h"),
    )  # fmt: skip
    if with_speeds:
        speeds = numbers(f"v_t_{unit}", f"v_s_{unit}", f"v85_{unit}")
        columns = (*columns, *wholes("speeds_measured"), *speeds, Column("flag"))

    def rows() -> Rows:
        for camera in asked.cameras:
            yield from _count_rows(asked, camera, with_speeds)

    return Table("counts", columns, rows(), asked.zone)


def _count_rows(asked: Asked, camera: Camera, with_speeds: bool) -> Rows:
    lines = names_of(camera.scene.lines)
    edges = edges_of(asked, asked.bin_minutes)
    speeds = LineSpeeds(camera, edges) if with_speeds and edges else None
    for place, rows in enumerate(by_start(line_counts(asked, camera, asked.bin_minutes))):
        measured = speeds.at(place) if speeds else {}
        for row in rows:
            key = (row.line, row.direction)
            seen = row.classes is not None
            cells = speed_cells(asked, measured.get(key), seen=seen) if with_speeds else ()
            yield (
                row.start, row.end, camera.pk, camera.name,
                row.line, lines.get(row.line, row.line), row.direction,
                row.observed_s, row.coverage,
                *count_cells(row.classes, row.sizes, row.observed_s, asked.site), *cells,
            )  # fmt: skip


def count_cells(
    classes: Mapping[str, int] | None, sizes: Mapping[str, int], observed_s: float, site: Site
) -> tuple[Any, ...]:
    """Sizes, classes, total, car units and flow; all empty where nothing was observed."""
    if classes is None:
        return (None,) * (len(NAMED) + 6)
    total = sum(classes.values())
    flow = flow_per_h(total, observed_s)
    return (
        sizes.get("small", 0),
        sizes.get("large", 0),
        *(classes.get(name, 0) for name in NAMED),
        total - sum(classes.get(name, 0) for name in NAMED),
        total,
        round(car_units(classes, site.car_units).value, 3),
        None if flow is None else round(flow, 2),
    )


def speed_cells(asked: Asked, sums: SpeedSums | None, *, seen: bool) -> tuple[Any, ...]:
    """Speeds measured, v_t, v_s, V85 and what to know about them."""
    if sums is None:
        return (0 if seen else None, None, None, None, "")
    found = figures(sums)
    values = (found["time_mean_mps"], found["space_mean_mps"], found["v85_mps"])
    return (found["count"], *(asked.speed(value) for value in values), flag(sums))


def flag(sums: SpeedSums) -> str:
    """``too_few``: below 30 vehicles, so no figures; ``few``: below 100; ``camera_moved``."""
    verdict = figures(sums)["soundness"]
    words = {"refused": "too_few", "few": "few", "sound": ""}[verdict]
    return " ".join(word for word in (words, "camera_moved" if sums.doubtful else "") if word)


def speeds(asked: Asked) -> Table:
    unit = asked.site.speed_unit
    columns = (
        *PERIOD, *CAMERA, *texts("line_id", "line", "direction", "class"), *WATCHED,
        *wholes("speeds_measured", "doubtful"),
        *numbers(*(f"{name}_{unit}" for name in ("v_t", "v_s", "v15", "v50", "v85"))),
        Column("flag"),
    )  # fmt: skip

    def rows() -> Rows:
        for camera in asked.cameras:
            yield from _speed_rows(asked, camera)

    return Table("speeds", columns, rows(), asked.zone)


def _speed_rows(asked: Asked, camera: Camera) -> Rows:
    lines, edges = names_of(camera.scene.lines), edges_of(asked, asked.bin_minutes)
    if not edges:
        return
    measured = LineSpeeds(camera, edges, by_class=True)
    for span in spans(asked, camera, edges):
        sums = measured.at(span.place)
        head = (span.start, span.end, camera.pk, camera.name)
        watched = (span.observed_s, span.coverage)
        if not sums:
            yield (*head, *[None] * 4, *watched, 0 if span.known else None, *[None] * 6, "")
        for (line, direction, name), values in sorted(sums.items(), key=lambda item: item[0]):
            figure = figures(values)
            kinds = ("time_mean_mps", "space_mean_mps", "v15_mps", "v50_mps", "v85_mps")
            yield (
                *head, line, lines.get(line, line), direction, name, *watched,
                figure["count"], figure["doubtful"],
                *(asked.speed(figure[kind]) for kind in kinds),  # type: ignore[literal-required]
                flag(values),
            )  # fmt: skip


GATES = ("origin_line", "origin_direction", "destination_line", "destination_direction")


def movement_keys(asked: Asked, camera: Camera) -> list[tuple[str, ...]]:
    """(origin line, direction, destination line, direction, class) that occur in the period."""
    period = quarters_of(asked.order.start, asked.order.end)
    keys: set[tuple[str, ...]] = set()
    for rows in rows_over(QuarterMovement, {"camera": camera}, *period):
        keys.update(rows.values_list(*GATES, "object_class").distinct())
    return sorted(keys)


def movements(asked: Asked) -> Table:
    columns = (
        *PERIOD, *CAMERA, *texts("from_line_id", "from_line", "from_direction"),
        *texts("to_line_id", "to_line", "to_direction", "class"), *WATCHED, *wholes("count"),
    )  # fmt: skip

    def rows() -> Rows:
        for camera in asked.cameras:
            yield from _movement_rows(asked, camera)

    return Table("movements", columns, rows(), asked.zone)


def movement_feed(camera: Camera, edges: list[int]) -> InStep[Sequence[Any]]:
    """Rows (gates…, class, count) by bin."""
    return placed(QuarterMovement, camera, edges, (*GATES, "object_class", "count"))


def _movement_rows(asked: Asked, camera: Camera) -> Rows:
    lines, edges = names_of(camera.scene.lines), edges_of(asked, asked.bin_minutes)
    if not edges:
        return
    keys, feed = movement_keys(asked, camera), movement_feed(camera, edges)
    for span in spans(asked, camera, edges):
        sums: dict[tuple[Any, ...], int] = {}
        for row in feed.at(span.place):
            key = tuple(row[:5])
            sums[key] = sums.get(key, 0) + row[5]
        known = span.known or bool(sums)
        for key in keys:
            origin, out_of, destination, into, name = key
            yield (
                span.start, span.end, camera.pk, camera.name, origin, lines.get(origin, origin),
                out_of, destination, lines.get(destination, destination), into, name,
                span.observed_s, span.coverage, sums.get(key, 0) if known else None,
            )  # fmt: skip
