"""Records that traffic authorities exchange: FHWA Traffic Monitoring Guide, DATEX II."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from sensing.domain.classes import VEHICLE_CLASSES
from sensing.domain.statistics.bins import flow_per_h
from sensing.domain.statistics.mix import car_units
from sensing.export import datex, tmg
from sensing.models import Camera, DirectionChoice
from sensing.selectors.export_bins import (
    LineCounts,
    LineSpeeds,
    by_start,
    edges_of,
    line_counts,
)
from sensing.selectors.export_tables import Asked, names_of
from sensing.selectors.rollups import QUARTER_MINUTES
from sensing.selectors.speed_rows import SpeedSums

CHUNK_BYTES = 256 * 1024
KMH = 3.6


def tmg_archive(asked: Asked) -> Iterator[bytes]:
    """The FHWA records of one camera with their explanation, as one archive."""
    with tempfile.TemporaryDirectory(prefix="aision-export-") as folder:
        path = Path(folder, "records.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README.txt", tmg.README)
            archive.writestr("STATION.STA", "\r\n".join([*_station_lines(asked), ""]))
            for name, lines in (("VOLUME.VOL", _volumes(asked)), ("CLASS.CLA", _classes(asked))):
                with archive.open(name, "w") as member:
                    for line in lines:
                        member.write(f"{line}\r\n".encode("ascii"))
                        yield b""
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


def _stations(asked: Asked) -> Iterator[tuple[str, str, tmg.Station]]:
    """(line, direction, station)."""
    details, camera = asked.order.details, asked.cameras[0]
    assert details.heading is not None
    assert details.state_code is not None
    for number, (line, name) in enumerate(names_of(camera.scene.lines).items(), 1):
        for way in DirectionChoice.values:
            forward = way == DirectionChoice.FORWARD
            yield (
                line,
                way,
                tmg.Station(
                    state_code=details.state_code,
                    station_id=tmg.station_id(camera.pk, number),
                    heading=details.heading if forward else tmg.opposite(details.heading),
                    functional_class=details.functional_class,
                    lanes=details.lanes or 1,
                    location=f"{camera.name} - {name}",
                    county_code=details.county_code,
                    latitude_deg=details.latitude_deg,
                    longitude_deg=details.longitude_deg,
                ),
            )


def _station_lines(asked: Asked) -> Iterator[str]:
    yield tmg.station_header()
    year = asked.order.start.astimezone(asked.zone).year
    for _line, _way, station in _stations(asked):
        yield tmg.station_record(station, year)


def _hours(asked: Asked) -> Iterator[tuple[date, dict[tuple[str, str, int], LineCounts]]]:
    """Day by day, the hours that were observed whole and that the clock shows once."""
    camera = asked.cameras[0]
    today: date | None = None
    found: dict[tuple[str, str, int], LineCounts] = {}
    twice: set[tuple[str, str, int]] = set()
    for row in line_counts(asked, camera, 60):
        local = row.start.astimezone(asked.zone)
        if today is not None and local.date() != today:
            yield today, {key: value for key, value in found.items() if key not in twice}
            found, twice = {}, set()
        today = local.date()
        key = (row.line, row.direction, local.hour)
        if key in found:
            twice.add(key)
        found[key] = row
    if today is not None:
        yield today, {key: value for key, value in found.items() if key not in twice}


def _motor(row: LineCounts) -> int:
    classes = row.classes or {}
    return sum(n for name, n in classes.items() if name in VEHICLE_CLASSES and name != "bicycle")


def _volumes(asked: Asked) -> Iterator[str]:
    for day, hours in _hours(asked):
        for line, way, station in _stations(asked):
            found = [hours.get((line, way, hour)) for hour in range(24)]
            yield tmg.volume_record(
                station,
                day,
                [_motor(row) if row and row.coverage == "complete" else None for row in found],
            )


def _classes(asked: Asked) -> Iterator[str]:
    for day, hours in _hours(asked):
        for line, way, station in _stations(asked):
            for hour in range(24):
                row = hours.get((line, way, hour))
                if row and row.coverage == "complete":
                    classes = row.classes or {}
                    yield tmg.class_record(station, day, hour, classes, _motor(row))


def datex_data(asked: Asked) -> Iterator[bytes]:
    return datex.measured_data(_publication(asked), _measurements(asked))


def datex_sites(asked: Asked) -> Iterator[bytes]:
    return datex.site_table(_publication(asked), _sites(asked), asked.bin_minutes * 60.0)


def _publication(asked: Asked) -> datex.Publication:
    return datex.Publication(
        at=asked.now.replace(microsecond=0),
        country=asked.order.details.country,
        creator=asked.site.name,
        table_id=f"aision-{asked.bin_minutes}min",
    )


def _sites(asked: Asked) -> Iterator[datex.Site]:
    details = asked.order.details
    for camera in asked.cameras:
        for line, name in names_of(camera.scene.lines).items():
            for way in DirectionChoice.values:
                yield datex.Site(
                    f"{camera.pk}-{line}-{way}",
                    f"{camera.name}, {name}, {way}",
                    details.latitude_deg,
                    details.longitude_deg,
                )


def _measurements(asked: Asked) -> Iterator[datex.Measurement]:
    minutes = asked.bin_minutes
    edges = edges_of(asked, minutes)
    for camera in asked.cameras:
        speeds = LineSpeeds(camera, edges) if minutes >= QUARTER_MINUTES and edges else None
        for place, ways in enumerate(by_start(line_counts(asked, camera, minutes))):
            measured = speeds.at(place) if speeds else {}
            for row in ways:
                yield _measurement(asked, camera, row, measured.get((row.line, row.direction)))


def _measurement(
    asked: Asked, camera: Camera, row: LineCounts, sums: SpeedSums | None
) -> datex.Measurement:
    site_id = f"{camera.pk}-{row.line}-{row.direction}"
    width_s = (row.end - row.start).total_seconds()
    vehicles = {name: n for name, n in (row.classes or {}).items() if name in datex.VEHICLE_TYPES}
    flow = flow_per_h(sum(vehicles.values()), row.observed_s)
    if row.classes is None or flow is None:
        return datex.Measurement(site_id, row.start, width_s, None)
    units = car_units(vehicles, asked.site.car_units).value
    flows = {
        name: (flow_per_h(count, row.observed_s) or 0.0, count) for name, count in vehicles.items()
    }
    mean = sums.sum_mps / sums.count if sums and sums.count else None
    return datex.Measurement(
        site_id,
        row.start,
        width_s,
        flow,
        sum(vehicles.values()),
        flow_per_h(units, row.observed_s),
        None if mean is None else mean * KMH,
        sums.count if sums else 0,
        flows,
    )
