"""Layouts and records that traffic engineers exchange."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pandas as pd
import pytest
import xmlschema

from sensing.export import tmg
from sensing.export.datex import NAMESPACES
from sensing.export.order import Details, Order
from sensing.models import Camera
from sensing.selectors.exports import export_chunks
from tests.sensing.export.rows import DAY, NOW, count, move, observe, road, speeds
from tests.shared_data import ROOT

pytestmark = pytest.mark.django_db
QUARTER = timedelta(minutes=15)
DATEX = xmlschema.XMLSchema(ROOT / "tests" / "data" / "datex2" / "payload.xsd")
HERE = Details(
    country="de",
    latitude_deg=50.08,
    longitude_deg=8.24,
    state_code=17,
    functional_class="3U",
    heading=8,
    lanes=2,
)


def exported(what: str, file_format: str, **more: Any) -> bytes:
    given = {"start": DAY, "end": DAY + timedelta(days=1), "details": HERE} | more
    return b"".join(export_chunks(Order(what, file_format, **given), NOW))


def morning(camera: Camera, at: int = 30) -> None:
    """An hour of 20, 30, 40 and 10 cars and of 2 trucks, from quarter ``at`` of an observed day."""
    observe(camera, DAY, 90)
    for k, n in enumerate((20, 30, 40, 10)):
        count(camera, DAY + (at + k) * QUARTER, n)
    count(camera, DAY + at * QUARTER, 2, "truck", direction="backward")
    count(camera, DAY, 5)


def rows_of(sheet: Any) -> dict[Any, list[Any]]:
    return {row[0]: list(row[1:]) for row in sheet.values}


def test_classified_counts_have_quarters_down_classes_across_and_the_peak_hour() -> None:
    morning(road())
    book = openpyxl.load_workbook(io.BytesIO(exported("classified", "xlsx")))
    assert book.sheetnames == ["North – =Gate", "North – Exit"]
    rows = rows_of(book.worksheets[0])
    head = rows["start"]
    assert head[2:11] == [
        "car", "truck", "bus", "motorcycle", "bicycle", "person", "other", "small_小型",
        "large_大型",
    ]  # fmt: skip
    car, total, of_all = head.index("car"), head.index("total"), head.index("total of all")
    back = head.index("total", total + 1)
    quarter = rows["2026-01-05T07:30:00+00:00"]
    assert (quarter[car], quarter[total], quarter[back], quarter[of_all]) == (20, 20, 2, 22)
    assert quarter[back - 1] == 2  # 大型
    assert rows["2026-01-05T08:45:00+00:00"][of_all] == 0
    assert rows["2026-01-05T23:00:00+00:00"][of_all] is None  # not observed
    assert rows["Total 2026-01-05"][of_all] == 107
    peak, factor = rows["Peak hour 07:30–08:30"], rows["PHF"]
    assert (peak[total], peak[of_all]) == (100, 102)
    assert factor[total] == pytest.approx(100 / (4 * 40))
    assert factor[of_all] == pytest.approx(102 / (4 * 40), abs=1e-4)
    assert factor[car] is None


def test_an_hour_with_a_gap_is_no_peak_hour() -> None:
    camera = road()
    observe(camera, DAY, 4)
    observe(camera, DAY + 5 * QUARTER, 2)
    count(camera, DAY, 10)
    count(camera, DAY + 6 * QUARTER, 1000)
    book = openpyxl.load_workbook(io.BytesIO(exported("classified", "xlsx")))
    rows = rows_of(book.worksheets[0])
    assert "Peak hour 00:00–01:00" in rows
    assert rows["Total 2026-01-05"][-1] == 1010


def test_the_same_layout_as_csv_opens_in_pandas() -> None:
    morning(road())
    content = exported("classified", "csv").decode("utf-8-sig")
    block = content[content.index("start,observed_s") :].split("\r\nTotal")[0]
    found = pd.read_csv(io.StringIO(block))
    assert len(found) == 96
    assert found["total of all"].sum() == 107
    assert found["total of all"].isna().sum() == 6


def test_turning_movements_are_leg_by_movement_by_class() -> None:
    camera = road()
    observe(camera, DAY, 8)
    for k in range(5):
        move(camera, DAY + k * QUARTER, 10 + k)
    move(camera, DAY, 3, "truck")
    sheet = openpyxl.load_workbook(io.BytesIO(exported("turning", "xlsx"))).active
    rows = rows_of(sheet)
    heads = [list(row) for row in sheet.values if row[3] in ("'=Gate (forward)", "=Gate (forward)")]
    assert len(heads) == 1
    assert rows["start"][2:7] == ["car", "truck", "small_小型", "large_大型", "total"]
    assert rows["2026-01-05T00:00:00+00:00"][2:7] == [10, 3, 10, 3, 13]
    assert rows["Peak hour 00:15–01:15"][2] == 11 + 12 + 13 + 14
    assert rows["2026-01-05T02:00:00+00:00"][2] is None


def members(**more: Any) -> dict[str, str]:
    archive = zipfile.ZipFile(io.BytesIO(exported("tmg", "zip", **more)))
    return {name: archive.read(name).decode("ascii") for name in archive.namelist()}


def test_fhwa_records_have_their_fields_in_their_columns() -> None:
    camera = road()
    morning(camera)
    count(camera, DAY, 7, "bicycle")
    files = members(camera_ids=(camera.pk,))
    stations = pd.read_csv(io.StringIO(files["STATION.STA"]), sep="|", dtype=str)
    assert list(stations.columns) == list(tmg.STATION_FIELDS)
    assert stations["Travel_Dir"].tolist() == ["8", "4"] * 2
    first = stations.iloc[0]
    assert (first["F_System"], first["State_Code"], first["Num_Lanes"]) == ("3U", "17", "2")
    assert first["Station_Location"] == "North - =Gate"
    volumes = files["VOLUME.VOL"].splitlines()
    assert {len(line) for line in volumes} == {tmg.VOLUME_WIDTH}
    forward = volumes[0]
    # Type, state, class, station, direction, lane, date, Monday.
    assert forward[:22] == f"3173U{camera.pk:04d}018020260105" + "2"
    hours = [forward[22 + 5 * k : 27 + 5 * k] for k in range(24)]
    assert (hours[0], hours[7], hours[8]) == ("00005", "00050", "00050")
    assert hours[22:] == ["     ", "     "]  # half an hour and nothing were observed
    classes = files["CLASS.CLA"].splitlines()
    assert {len(line) for line in classes} == {tmg.CLASS_WIDTH}
    assert len(classes) == 4 * 22
    truck = next(line for line in classes if line[:22] == f"C17{camera.pk:04d}01402026010507 ")
    bins = [int(truck[28 + 5 * k : 33 + 5 * k]) for k in range(13)]
    assert truck[22:28] == "000020"
    assert bins == [0, 0, 0, 0, 2] + [0] * 8
    assert "APPROXIMATE" in files["README.txt"]


def datex(what: str, **more: Any) -> ElementTree.Element:
    content = exported(what, "xml", **more)
    DATEX.validate(content.decode())
    return ElementTree.fromstring(content)


def test_datex_gives_flows_an_hour_also_for_minutes() -> None:
    camera = road()
    observe(camera, DAY, 1)
    count(camera, DAY, 3)
    count(camera, DAY, 1, "bus")
    root = datex("datex", bin_minutes=1, end=DAY + timedelta(minutes=20))
    sites = root.findall("roa:siteMeasurements", NAMESPACES)
    assert len(sites) == 20 * 4
    mine = [s for s in sites if s[0].get("id") == f"{camera.pk}-gate-forward"]
    flows = [f.text for f in mine[0].iterfind(".//com:vehicleFlowRate", NAMESPACES)]
    assert flows == ["240", "180", "0", "60", "0", "0"]  # all, car, lorry, bus, motorcycle, bicycle
    assert mine[0].findtext(".//roa:pcuFlowRate", None, NAMESPACES) == "300"
    # The second minute was quiet, the sixteenth not observed: a zero and nothing at all.
    assert mine[1].findtext(".//com:vehicleFlowRate", None, NAMESPACES) == "0"
    assert mine[15].find("roa:physicalQuantity", NAMESPACES) is None


def test_datex_gives_speeds_in_km_an_hour_and_names_the_sites_of_its_table() -> None:
    camera = road("A & B")
    observe(camera, DAY, 1)
    count(camera, DAY, 40)
    speeds(camera, DAY, [10.0] * 40)
    root = datex("datex", bin_minutes=15, end=DAY + QUARTER)
    assert root.findtext(".//com:speed", None, NAMESPACES) == "36.0"
    table = datex("datex_sites", bin_minutes=15, camera_ids=(camera.pk,))
    named = {site.get("id") for site in table.iterfind(".//roa:measurementSite", NAMESPACES)}
    measured = {s[0].get("id") for s in root.iterfind("roa:siteMeasurements", NAMESPACES)}
    assert named == measured
    reference = root.find("roa:measurementSiteTableReference", NAMESPACES)
    listed = table.find("roa:measurementSiteTable", NAMESPACES)
    assert reference is not None
    assert listed is not None
    assert reference.get("id") == listed.get("id")


def test_the_schema_of_the_tests_can_fail() -> None:
    observe(road(), DAY, 1)
    text = exported("datex", "xml", bin_minutes=15, end=DAY + QUARTER).decode()
    for broken in (
        text.replace("<com:vehicleFlowRate>0<", "<com:vehicleFlowRate>0.5<"),
        text.replace(' modelBaseVersion="3"', ""),
        text.replace("roa:timeValue", "roa:timevalue"),
        text.replace("<com:informationStatus>real</com:informationStatus>", ""),
    ):
        assert broken != text
        assert not DATEX.is_valid(broken)
