"""People and movements as a person sees them, from answers that can be checked by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.browser import log_in, page_of
from tests.e2e.session import logged_in
from tests.gateway import RunningGateway

HOURS = "/people/?from=2026-01-01T08:00&to=2026-01-01T12:00&bin=60"
SEEN = {"complete": 3600.0, "partial": 900.0, "down": 0.0, "unknown": 0.0}


def hour(k: int, coverage: str, **numbers: Any) -> dict[str, Any]:
    known = coverage in {"complete", "partial"}
    return {
        "start": f"2026-01-01T{8 + k:02}:00:00Z",
        "end": f"2026-01-01T{9 + k:02}:00:00Z",
        **{name: value if known else None for name, value in numbers.items()},
        "observed_s": SEEN[coverage],
        "down_s": 3600.0 if coverage == "down" else 0.0,
        "possible_s": 3600.0,
        "coverage": coverage,
    }


def person_camera(gateway: RunningGateway) -> dict[str, Any]:
    with logged_in(gateway) as client:
        cameras: list[dict[str, Any]] = client.get("/api/v1/live/").json()
    kinds = {c["id"]: {m["kind"] for m in c["scene"]["modules"]} for c in cameras}
    return next(c for c in cameras if "person_count" in kinds[c["id"]])


@pytest.fixture
def camera(live_gateway: RunningGateway) -> dict[str, Any]:
    return person_camera(live_gateway)


def people(camera: dict[str, Any], asked: list[dict[str, list[str]]]) -> Callable[[Route], None]:
    """Four hours, each known in another way; 5 in and 2 out, or the reverse if asked so."""

    def answer(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        asked.append(query)
        came, left = (2, 5) if "backward" in str(query.get("entry")) else (5, 2)
        area = [
            hour(k, coverage, entries=n[0], exits=n[1], inside_mean=0.5, inside_most=3)
            | {"inside_end": 1, "inside_doubtful": k > 1}
            for k, (coverage, n) in enumerate(
                {
                    "complete": (came, left),
                    "partial": (0, 0),
                    "down": (0, 0),
                    "unknown": (0, 0),
                }.items()
            )
        ]
        lines = [
            {"camera": camera["id"], "line": x["id"], "inward": "forward"}
            for x in camera["scene"]["lines"]
        ]
        stay = {
            "camera": camera["id"],
            "zone": "z",
            "visits": 7,
            "mean": 0.25,
            "most": 2,
            "stays": 12,
        }
        stay |= {"dwell_median_s": 95.0, "dwell_p90_s": None}
        total = (
            hour(0, "partial")
            | stay
            | {"dwell_mean_s": 90.0, "dwell_histogram": [0] * 30 + [12] + [0] * 53}
        )
        found: dict[str, Any] = {
            "lines": lines,
            "drifts": [{"at": "2026-01-01T09:00:00Z", "off_by": 4}],
            "results": area,
        }
        if query.get("of") == ["zones"]:
            edges = [0.0, *(1.15**k for k in range(84))]
            found = {
                "dwell_edges_s": edges,
                "zones": [total],
                "results": [hour(0, "complete") | stay],
            }
        route.fulfill(content_type="application/json", body=json.dumps(found))

    return answer


def table(page: Page, name: str) -> list[list[str]]:
    rows = page.locator(f"[data-{name}] tbody tr").all()
    return [[cell.inner_text().strip() for cell in row.locator("th, td").all()] for row in rows]


def test_nobody_a_gap_and_a_dead_camera_are_told_apart_and_the_way_in_can_be_turned(
    live_gateway: RunningGateway, chromium: str, camera: dict[str, Any]
) -> None:
    asked: list[dict[str, list[str]]] = []
    with page_of(live_gateway, chromium, 1280, 900) as page:
        log_in(page)
        page.route("**/api/v1/statistics/people/**", people(camera, asked))
        page.goto(live_gateway.address + HOURS)
        expect(page.locator("[data-footfall] .main-svg").first).to_be_visible()
        said = page.locator("[data-area-figures]")
        expect(said).to_contain_text(re.compile("5 persons came in.*2 left.*observed 31 %", re.S))
        expect(page.locator("[data-drift]")).to_contain_text("the count was 4 too high")
        page.get_by_role("button", name="Show as table").click()
        known = [[row[1], row[-1]] for row in table(page, "area-table")]
        assert known[0] == ["5", "completely observed"]
        assert known[1] == ["0", "25 % observed"]
        assert known[2:] == [["–", "camera down"], ["–", "not observed"]]
        assert table(page, "zone-list")[0][1:] == ["7", "0.25", "2", "1 min 35 s", "too few", "12"]

        page.get_by_text("Which way leads in").click()
        page.locator("[data-way-list]").get_by_role("button", name="Backward").first.click()
        expect(said).to_contain_text("2 persons came in")
        way = f"{camera['id']}:{camera['scene']['lines'][0]['id']}:backward"
        assert [way] in [query.get("entry") for query in asked[2:]]
        expect(page).to_have_url(re.compile("entry="))
        assert "entry=" in (page.locator("[data-csv=area]").get_attribute("href") or "")

        page.route("**/api/v1/statistics/movements/**", movements)
        page.goto(live_gateway.address + "/traffic/movements/")
        expect(page.locator("[data-sankey] .sankey-link")).to_have_count(3)
        expect(page.locator("[data-figures]")).to_contain_text("20 movements")
        assert [row[1:] for row in table(page, "matrix")] == [["12", "5", "17"], ["3", "0", "3"]]
        page.get_by_role("button", name="Share").click()
        expect(page.locator("[data-matrix] tbody td").first).to_have_text("60.0 %")


def movements(route: Route) -> None:
    counts = {("a", "b", "car"): 12, ("a", "c", "bus"): 5, ("b", "b", "car"): 3}
    rows = [
        {"from_line": o, "from_direction": "forward", "to_line": d, "to_direction": "backward"}
        | {"camera": 1, "class": kind, "count": n, "share_percent": 5.0 * n}
        for (o, d, kind), n in counts.items()
    ]
    watched = {
        "camera": 1,
        "observed_s": 900,
        "down_s": 0,
        "possible_s": 3600,
        "coverage": "partial",
    }
    route.fulfill(
        content_type="application/json", body=json.dumps({"cameras": [watched], "results": rows})
    )
