"""Records of the FHWA Traffic Monitoring Guide 2022 (chapter 4).

Station descriptions are pipe-delimited, in the fields in which FHWA publishes them since; hourly
volumes and hourly classes are in the fixed columns that the guide goes on to accept. What a camera
sees maps only roughly on the guide's thirteen axle-based classes: ``CLASS_OF`` says how, and so
does ``README`` beside the records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

STATION_FIELDS = (
    "Record_Type", "State_Code", "Station_Id", "Travel_Dir", "Travel_Lane", "Year_Record",
    "F_System", "Num_Lanes", "Num_Classes", "Calibration", "Type_Sensor_1", "Type_Sensor_2",
    "Latitude", "Longitude", "Prev_Station_Id", "Year_Established", "Year_Discontinued",
    "County_Code", "NHS", "Posted_Route_Signing", "Posted_Signed_Route", "Station_Location",
)  # fmt: skip
CLASS_OF: Mapping[str, int] = MappingProxyType({"motorcycle": 1, "car": 2, "bus": 4, "truck": 5})
CLASSES = 13
VIDEO = "V"
ALL_LANES = 0
LARGEST = 99_999
STATION_WIDTH, VOLUME_WIDTH, CLASS_WIDTH = 6, 143, 93

README = """\
Records after the FHWA Traffic Monitoring Guide 2022, chapter 4

STATION.STA  station descriptions, pipe-delimited, with a line of field names
VOLUME.VOL   hourly traffic volume records (type 3), fixed columns, 143 wide
CLASS.CLA    hourly vehicle classification records (type C), fixed columns, 93 wide

The class mapping is APPROXIMATE. A camera sees looks, not axles:
  motorcycle -> 1, car -> 2 (with pick-ups and vans, which the guide puts into 3),
  bus -> 4, truck -> 5 (with all trucks and combinations, which the guide puts into 5 to 13).
  Classes 3 and 6 to 13 are therefore always 0. Vehicles of other classes are in the total only.
  Bicycles and persons are in no record.

An hour is given only where the camera observed it whole (98 % of it); others are blank. So are the
hours that the clock shows twice or leaves out. All lanes of a direction are combined (lane 0). The
direction of travel, the state and the functional class are as entered for this export; fields that
nobody entered are blank. Check the files with your State before you submit them to TMAS.
"""


@dataclass(frozen=True, slots=True)
class Station:
    """One direction at one line. ``heading``: 1 north, clockwise to 8 north-west."""

    state_code: int
    station_id: str
    heading: int
    functional_class: str
    lanes: int
    location: str
    county_code: int | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None


def opposite(heading: int) -> int:
    """The code of the direction back."""
    return (heading + 3) % 8 + 1


def station_id(camera_id: int, line: int) -> str:
    """Six characters; a camera's lines are numbered from 1."""
    return f"{camera_id % 10_000:04d}{line % 100:02d}"


def station_header() -> str:
    return "|".join(STATION_FIELDS)


def station_record(station: Station, year: int) -> str:
    """One line of the station file, without its end."""
    given = {
        "Record_Type": "S",
        "State_Code": f"{station.state_code:02d}",
        "Station_Id": station.station_id,
        "Travel_Dir": str(station.heading),
        "Travel_Lane": str(ALL_LANES),
        "Year_Record": f"{year:04d}",
        "F_System": station.functional_class,
        "Num_Lanes": str(min(station.lanes, 9)),
        "Num_Classes": str(CLASSES),
        "Type_Sensor_1": VIDEO,
        "Latitude": _degrees(station.latitude_deg),
        "Longitude": _degrees(station.longitude_deg),
        "County_Code": "" if station.county_code is None else f"{station.county_code:03d}",
        "Station_Location": _ascii(station.location)[:50],
    }
    return "|".join(given.get(name, "") for name in STATION_FIELDS)


def volume_record(station: Station, day: date, hours: Sequence[int | None]) -> str:
    """One day of a station; None for an hour without data, which is left blank."""
    if len(hours) != 24:
        raise ValueError(f"expected 24 hours, got {len(hours)}")
    counts = "".join(_count(count) for count in hours)
    weekday = day.isoweekday() % 7 + 1  # Sunday is 1
    return (
        f"3{station.state_code:02d}{station.functional_class:>2}{station.station_id:>6}"
        f"{station.heading}{ALL_LANES}{day:%Y%m%d}{weekday}{counts}0"
    )


def class_record(
    station: Station, day: date, hour: int, counts: Mapping[str, int], total: int
) -> str:
    """One hour of a station, observed whole; ``counts`` by class of the camera."""
    bins = [0] * CLASSES
    for name, count in counts.items():
        if name in CLASS_OF:
            bins[CLASS_OF[name] - 1] += count
    classes = "".join(_count(count) for count in bins)
    return (
        f"C{station.state_code:02d}{station.station_id:>6}{station.heading}{ALL_LANES}"
        f"{day:%Y%m%d}{hour:02d} {_count(total)}0{classes}"
    )


def _count(count: int | None) -> str:
    if count is None:
        return " " * 5
    if not 0 <= count <= LARGEST:
        raise ValueError(f"expected a count of 0 to {LARGEST}, got {count}")
    return f"{count:05d}"


def _degrees(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _ascii(text: str) -> str:
    words = "".join(c if c.isascii() and c.isprintable() and c != "|" else " " for c in text)
    return " ".join(words.split())
