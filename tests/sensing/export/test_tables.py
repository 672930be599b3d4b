"""Tables as files, opened by the tools that their readers use."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sensing.export.order import Order
from sensing.export.table import Column, Table
from sensing.export.workbook import workbook_chunks
from sensing.models import QuarterCount
from sensing.selectors import current_site
from sensing.selectors.exports import export_chunks, export_name
from tests.sensing.export.rows import (
    DAY,
    NOW,
    count,
    crossings,
    move,
    observe,
    quarter_of,
    road,
    speeds,
    stay,
    visits,
)

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)

READERS: dict[str, Callable[[bytes], pd.DataFrame]] = {
    "csv": lambda content: pd.read_csv(io.BytesIO(content)),
    "xlsx": lambda content: pd.read_excel(io.BytesIO(content)),
    "parquet": lambda content: pd.read_parquet(io.BytesIO(content)),
    "json": lambda content: pd.read_json(io.BytesIO(content)),
    "jsonl": lambda content: pd.read_json(io.BytesIO(content), lines=True),
}


def exported(what: str, file_format: str = "csv", **more: Any) -> bytes:
    given = {"start": DAY, "end": DAY + timedelta(days=1)} | more
    return b"".join(export_chunks(Order(what, file_format, **given), NOW))


def frame(what: str, file_format: str = "csv", **more: Any) -> pd.DataFrame:
    return READERS[file_format](exported(what, file_format, **more))


@pytest.mark.parametrize("file_format", READERS)
def test_every_file_says_the_same_of_crossings(file_format: str) -> None:
    camera = road()
    crossings(camera, 1100)
    found = frame("crossings", file_format)
    assert len(found) == 1100
    assert found["speed_kmh"].sum() == pytest.approx(550 * 36.0)
    assert found["speed_kmh"].isna().sum() == 550
    assert found["track_id"].tolist() == list(range(1100))
    assert found["length_class"].fillna("").tolist()[:4] == ["", "medium", "short", "medium"]
    assert found["wrong_way"].sum() == 1
    assert pd.Timestamp(found["at"].iloc[1]) == pd.Timestamp("2026-01-05T00:00:01Z")


def test_speeds_come_in_the_unit_of_the_site() -> None:
    crossings(road(), 2)
    site = current_site()
    site.speed_unit = "mph"
    site.save()
    assert frame("crossings")["speed_mph"].iloc[1] == pytest.approx(22.37)


def test_a_bin_without_data_is_not_a_zero() -> None:
    camera = road()
    count(camera, DAY + HOUR, 12)
    count(camera, DAY + HOUR, 3, "truck")
    observe(camera, DAY + HOUR, 4)  # 01:00 whole
    observe(camera, DAY + 2 * HOUR, 2)  # 02:00 half
    observe(camera, DAY + 3 * HOUR, 4, 0.0, 900.0)  # 03:00 down
    found = frame("counts", bin_minutes=60, end=DAY + 5 * HOUR)
    gate = found[(found.line_id == "gate") & (found.direction == "forward")].set_index("start")
    words = ["unknown", "complete", "partial", "down", "unknown"]
    assert gate["coverage"].tolist() == words
    assert gate["total"].fillna(-1).tolist() == [-1, 15, 0, -1, -1]
    assert gate["observed_s"].tolist() == [0, 3600, 1800, 0, 0]
    whole = gate.loc["2026-01-05T01:00:00+00:00"]
    assert (whole["small_小型"], whole["large_大型"], whole["car"], whole["truck"]) == (
        12,
        3,
        12,
        3,
    )
    assert whole["pcu"] == 12 + 3 * 2
    assert whole["flow_per_h"] == 15
    assert gate["speeds_measured"].fillna(-1).tolist() == [-1, 0, 0, -1, -1]


@pytest.mark.parametrize("bin_minutes", [1, 5, 15, 60, 1440])
def test_counts_add_up_in_every_bin(bin_minutes: int) -> None:
    camera = road()
    observe(camera, DAY, 96)
    for k in range(24):
        count(camera, DAY + k * HOUR + timedelta(minutes=7), k, "car")
        count(camera, DAY + k * HOUR + timedelta(minutes=7), 1, "tram")
    found = frame("counts", "parquet", bin_minutes=bin_minutes)
    assert found["total"].sum() == sum(range(24)) + 24
    assert found["other"].sum() == 24
    assert len(found) == 4 * 1440 // bin_minutes  # two lines, two directions
    assert set(found["coverage"]) == {"complete"}
    assert ("v85_kmh" in found.columns) == (bin_minutes >= 15)


def test_times_are_the_sites_with_their_offset_also_where_clocks_change() -> None:
    site = current_site()
    site.time_zone = "Europe/Berlin"
    site.save()
    observe(road(), datetime.fromisoformat("2025-03-29T23:00:00+00:00"), 96)
    start = datetime.fromisoformat("2025-03-30T00:00:00+01:00")
    found = frame("counts", bin_minutes=60, start=start, end=start + timedelta(hours=23))
    starts = found["start"].drop_duplicates().tolist()
    assert len(starts) == 23
    assert starts[1:3] == ["2025-03-30T01:00:00+01:00", "2025-03-30T03:00:00+02:00"]


def test_speeds_are_refused_below_thirty_and_flagged_below_a_hundred() -> None:
    camera = road()
    observe(camera, DAY, 12)
    speeds(camera, DAY, [10.1] * 29)
    speeds(camera, DAY + HOUR, [10.1] * 99, doubtful=2)
    speeds(camera, DAY + 2 * HOUR, [10.1] * 200)
    found = frame("speeds", bin_minutes=60, end=DAY + 3 * HOUR)
    assert found["flag"].fillna("").tolist() == ["too_few", "few camera_moved", ""]
    assert found["speeds_measured"].tolist() == [29, 99, 200]
    assert found["v_t_kmh"].isna().tolist() == [True, False, False]
    # All lie between 10.0 and 10.5 m/s: V85 = 10 + 0.5 · 0.85.
    assert found["v85_kmh"].iloc[2] == pytest.approx(3.6 * 10.425, abs=0.01)
    wide = frame("counts", bin_minutes=60, end=DAY + 3 * HOUR)
    row = wide[(wide.line_id == "gate") & (wide.direction == "forward")].iloc[2]
    assert row["v_s_kmh"] == pytest.approx(36.36, abs=0.01)


def test_movements_and_zones() -> None:
    camera = road()
    observe(camera, DAY, 8)
    move(camera, DAY, 4)
    move(camera, DAY + HOUR, 3, "truck")
    stay(camera, DAY, 12)
    found = frame("movements", bin_minutes=60, end=DAY + 3 * HOUR)
    assert found.pivot_table("count", "start", "class").to_numpy().tolist() == [[4, 0], [0, 3]]
    assert found["count"].isna().sum() == 2  # the third hour was not observed
    zones = frame("zones", "xlsx", bin_minutes=60, end=DAY + 2 * HOUR)
    assert zones["visits"].tolist() == [12, 0]
    assert zones["occupancy_mean"].iloc[0] == pytest.approx(450 / 3600, abs=0.001)
    assert zones["dwell_median_s"].iloc[0] > 0
    visits(camera, 3)
    assert frame("visits")["dwell_s"].tolist() == [30.0] * 3


def test_footfall_tells_who_came_over_each_line_and_leaves_out_who_turned_back() -> None:
    camera = road()
    camera.modules.filter(kind="person_count").update(parameters={"lines": ["exit"]})
    observe(camera, DAY, 4)
    same = {"camera": camera, "line_id": "exit", "object_class": "person"}
    for direction, passed, backs in (("forward", 7, 1), ("backward", 3, 1)):
        QuarterCount.objects.create(
            **same, quarter=quarter_of(DAY), direction=direction, count=passed, turn_backs=backs
        )
    count(camera, DAY, 5, line="exit")  # cars are nobody
    found = frame("footfall", bin_minutes=60, end=DAY + 2 * HOUR)
    assert found["line"].tolist() == ["Exit", "Exit"]
    assert found["coverage"].tolist() == ["complete", "unknown"]
    # Each turn-back undoes one way in and one way out.
    assert found["entries"].fillna(-1).tolist() == [5, -1]
    assert found["exits"].fillna(-1).tolist() == [1, -1]


def test_names_that_begin_like_formulas_run_nowhere() -> None:
    crossings(road("@cmd"), 1)
    row = frame("crossings").iloc[0]
    assert (row["camera"], row["line"]) == ("'@cmd", "'=Gate")
    sheet = openpyxl.load_workbook(io.BytesIO(exported("crossings", "xlsx"))).active
    kinds = {cell.value: cell.data_type for cell in sheet[2]}
    assert kinds["=Gate"] == "s"
    assert kinds["@cmd"] == "s"
    assert frame("crossings", "parquet").iloc[0]["line"] == "=Gate"


def test_a_workbook_goes_on_in_another_sheet_and_knows_local_times() -> None:
    columns = (Column("at", "time"), Column("n", "int"))
    rows = ((DAY + timedelta(hours=k), k) for k in range(5))
    table = Table("A name: with [what] no / sheet may have", columns, rows, DAY.tzinfo)
    content = b"".join(workbook_chunks(table, most_rows=3))
    book = openpyxl.load_workbook(io.BytesIO(content))
    values = [[list(row) for row in sheet.values] for sheet in book.worksheets]
    assert [len(sheet) for sheet in values] == [3, 3, 2]
    assert [sheet[0] for sheet in values] == [["at", "at_local", "n"]] * 3
    assert values[2][1] == ["2026-01-05T04:00:00+00:00", datetime(2026, 1, 5, 4), 4]


def test_parquet_comes_in_groups_with_times_in_the_sites_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sensing.export.parquet_file.ROWS_PER_GROUP", 100)
    crossings(road(), 250)
    parts = [part for part in export_chunks(order_of("crossings", "parquet"), NOW) if part]
    file = pq.ParquetFile(io.BytesIO(b"".join(parts)))
    assert file.num_row_groups == 3
    assert len(parts) >= 4  # each group leaves as soon as it is full
    assert str(file.schema_arrow.field("at").type) == "timestamp[ms, tz=UTC]"


def order_of(what: str, file_format: str, **more: Any) -> Order:
    return Order(what, file_format, DAY, DAY + timedelta(days=1), **more)


@pytest.mark.parametrize("file_format", READERS)
def test_an_export_of_nothing_has_a_header_and_no_rows(file_format: str) -> None:
    road()
    content = exported("visits", file_format)
    if file_format == "jsonl":
        assert content == b""
    else:
        assert len(READERS[file_format](content)) == 0


def test_a_file_name_says_what_whose_and_when() -> None:
    north, south = road("North gate"), road("Süd/Tor")
    order = order_of("counts", "csv", bin_minutes=15, camera_ids=(north.pk,))
    assert export_name(order) == "counts_15min_north-gate_2026-01-05.csv"
    both = Order("visits", "xlsx", DAY + HOUR, DAY + 2 * HOUR, None, (north.pk, south.pk))
    assert export_name(both) == "visits_all-cameras_2026-01-05T0100_2026-01-05T0200.xlsx"
    road("Third")
    assert export_name(both).startswith("visits_north-gate+süd-tor_")
