"""What pages and exports ask of roll-ups, for ``bench.history``; Django is set up by then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from bench.history_rows import END

Question = tuple[str, Callable[[], object]]
NOW = END + timedelta(days=1)


def questions(cameras: int, days: int) -> Iterator[Question]:
    """Of every page and every export with bins: short periods first."""
    lengths = [length for length in (1, 7, 30) if length < days] + [days]
    yield from live_questions()
    for length in lengths:
        yield from traffic_questions(length)
        yield from other_questions(length)
    yield from export_questions(days)


def chosen(length: int, *, alone: bool) -> Any:
    from sensing.models import Camera  # noqa: PLC0415
    from sensing.selectors.quarters import Selection  # noqa: PLC0415

    every = tuple(Camera.objects.select_related("scene"))
    begin = END - timedelta(days=length)
    return Selection(every[:1] if alone else every, begin, END, every=not alone)


def live_questions() -> Iterator[Question]:
    from sensing.selectors import counts_of  # noqa: PLC0415

    ids = [camera.pk for camera in chosen(1, alone=False).cameras]
    yield "live page: counts of now, all cameras", lambda: counts_of(ids, END)


def traffic_questions(length: int) -> Iterator[Question]:
    """The pages of counts, flow and speeds."""
    from sensing.selectors import current_site  # noqa: PLC0415
    from sensing.selectors.flow import flow_bins, peak_hours  # noqa: PLC0415
    from sensing.selectors.line_flows import line_flows  # noqa: PLC0415
    from sensing.selectors.speeds import MAX_CAMERA_DAYS, speed_bins  # noqa: PLC0415

    site = current_site()
    minutes = 15 if length == 1 else 60 if length <= 7 else 1440
    for alone, who in ((True, "one camera"), (False, "all cameras")):
        some, words = chosen(length, alone=alone), f"{length} days, {who}"
        for bin_ in (minutes, 10080) if length > 30 else (minutes,):
            yield (
                f"counts page: {words}, bins of {bin_}",
                lambda some=some, bin_=bin_: flow_bins(some, bin_, site, NOW),  # type: ignore[misc]
            )
        yield f"flow page, lines: {words}", lambda some=some: line_flows(some, site)  # type: ignore[misc]
        if len(some.cameras) * length <= MAX_CAMERA_DAYS:  # of more, the page has none
            yield f"flow page, peak hours: {words}", lambda some=some: peak_hours(some, site, NOW)  # type: ignore[misc]
        bin_ = 1440 if length > 7 else 60
        yield (
            f"speeds page: {words}, bins of {bin_}",
            lambda some=some, bin_=bin_: speed_bins(some, bin_, site, free=False, now=NOW),  # type: ignore[misc]
        )


def other_questions(length: int) -> Iterator[Question]:
    """The pages of persons, zones, movements and heat."""
    from sensing.selectors.heat import heat_cells  # noqa: PLC0415
    from sensing.selectors.movements import movement_counts  # noqa: PLC0415
    from sensing.selectors.people import people_bins  # noqa: PLC0415
    from sensing.selectors.stays import zone_bins, zone_totals  # noqa: PLC0415
    from sensing.selectors.watched import watched_over  # noqa: PLC0415

    every = chosen(length, alone=False).cameras
    one, begin, minutes = every[:1], END - timedelta(days=length), 1440 if length > 7 else 60
    inward = {one[0].pk: {"a": "forward"}}

    def zones() -> None:
        list(zone_bins(one, begin, END, minutes, now=NOW))
        zone_totals(one, begin, END, now=NOW)

    def movements() -> None:
        ids = [camera.pk for camera in every]
        list(movement_counts(ids, begin, END))
        for pk in ids:
            watched_over([pk], begin, END, NOW)

    words = f"{length} days, one camera, bins of {minutes}"
    yield f"people page, in and out: {words}", lambda: people_bins(inward, begin, END, minutes)
    yield f"people page, zones: {words}", zones
    yield f"movements page: {length} days, all cameras", movements
    yield (
        f"heat map: {length} days, one camera",
        lambda: heat_cells(one[0].pk, "vehicle", begin, END),
    )


def export_questions(days: int) -> Iterator[Question]:
    month = min(31, days)
    for what, length, alone, minutes in (
        ("counts", 1, False, 1),
        ("counts", min(7, days), True, 5),
        *((what, days, True, 15) for what in ("counts", "speeds", "movements", "zones")),
        *((what, days, True, 1440) for what in ("counts", "speeds", "movements", "zones")),
        *((what, days, False, 1440) for what in ("counts", "speeds", "movements", "zones")),
        ("counts", month, False, 60),
        ("classified", month, True, 15),
        ("turning", month, True, 15),
        ("tmg", days, True, 60),
        ("datex", month, True, 60),
    ):
        who = "one camera" if alone else "all cameras"
        yield (
            f"export of {what}: {length} days, {who}, bins of {minutes}",
            lambda what=what, length=length, alone=alone, minutes=minutes: exported(  # type: ignore[misc]
                what, length, alone, minutes
            ),
        )


def exported(what: str, length: int, alone: bool, minutes: int) -> None:
    """What an export reads and works out, without the file it becomes where that is a table."""
    from sensing.export.order import Details, Order  # noqa: PLC0415
    from sensing.selectors.exports import LAYOUTS, RECORDS, TABLES, asked_for  # noqa: PLC0415

    cameras = tuple(c.pk for c in chosen(length, alone=True).cameras) if alone else ()
    order = Order(
        what,
        "csv",
        END - timedelta(days=length),
        END,
        camera_ids=cameras,
        bin_minutes=minutes,
        details=Details(country="at", state_code=1, heading=1),
    )
    asked = asked_for(order, NOW)
    if what in TABLES:
        parts: Any = [TABLES[what](asked).rows]
    elif what in LAYOUTS:
        parts = (sheet.rows for sheet in LAYOUTS[what](asked))
    else:
        parts = [RECORDS[what](asked)]
    for part in parts:
        for _row in part:
            pass
