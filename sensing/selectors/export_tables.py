"""Tables of crossings, visits, footfall and zones for exports, and what all tables share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sensing.domain.classes import PERSON_CLASSES, VEHICLE_CLASSES
from sensing.domain.speed_traffic import length_class
from sensing.export.order import Order
from sensing.export.table import Column, Table
from sensing.models import Camera, Crossing, Site, Visit
from sensing.selectors.people import people_bins, person_lines
from sensing.selectors.stays import zone_bins

Rows = Iterator[Sequence[Any]]
CHUNK = 5000
UNITS: Mapping[str, float] = {"kmh": 3.6, "mph": 3600.0 / 1609.344}
SMALL, LARGE, OTHER = "small_小型", "large_大型", "other"
NAMED = (*VEHICLE_CLASSES, *PERSON_CLASSES)


@dataclass(frozen=True)
class Asked:
    """An order with the rows it is about."""

    order: Order
    cameras: tuple[Camera, ...]
    site: Site
    zone: ZoneInfo
    now: datetime

    @property
    def bin_minutes(self) -> int:
        return self.order.bin_minutes or 15

    def speed(self, mps: float | None, digits: int = 2) -> float | None:
        """In the site's unit."""
        return None if mps is None else round(mps * UNITS[self.site.speed_unit], digits)


def names_of(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Names of lines or zones by id; one that is no longer drawn goes by its id."""
    return {item["id"]: item.get("name") or item["id"] for item in items}


def texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


def numbers(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "float") for name in names)


def wholes(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "int") for name in names)


PERIOD = (Column("start", "time"), Column("end", "time"))
CAMERA = (Column("camera_id", "int"), Column("camera"))
WATCHED = (Column("observed_s", "float"), Column("coverage"))


def crossings(asked: Asked) -> Table:
    unit = asked.site.speed_unit
    columns = (
        *wholes("id"), *CAMERA, *texts("line_id", "line"), Column("at", "time"),
        *texts("direction", "class", "size"), *numbers("confidence"),
        *numbers(f"speed_{unit}", f"speed_error_{unit}"), Column("speed_doubtful", "bool"),
        *numbers("length_m"), *texts("length_class"), *numbers("headway_s", "gap_s", "on_line_s"),
        Column("wrong_way", "bool"), Column("turn_back", "bool"),
        *wholes("calibration_id"), *texts("run_id"), *wholes("track_id", "nth", "frame_index"),
    )  # fmt: skip
    stored = (
        "id", "line_id", "at", "direction", "object_class", "size", "confidence", "speed_mps",
        "speed_error_mps", "speed_doubtful", "length_m", "headway_s", "gap_s", "on_line_s",
        "wrong_way", "turn_back", "calibration_id", "run_id", "track_id", "nth", "frame_index",
    )  # fmt: skip

    def rows() -> Rows:
        for camera in asked.cameras:
            lines = names_of(camera.scene.lines)
            found = Crossing.objects.filter(
                camera=camera, at__gte=asked.order.start, at__lt=asked.order.end
            ).order_by("at", "id")
            for row in found.values_list(*stored).iterator(chunk_size=CHUNK):
                pk, line, at, way, name, size, sure, speed, error, doubtful, length, *rest = row
                yield (
                    pk, camera.pk, camera.name, line, lines.get(line, line), at, way, name, size,
                    sure, asked.speed(speed), asked.speed(error, 3), doubtful, length,
                    None if length is None else length_class(length), *rest,
                )  # fmt: skip

    return Table("crossings", columns, rows(), asked.zone)


def visits(asked: Asked) -> Table:
    columns = (
        *wholes("id"), *CAMERA, *texts("zone_id", "zone"), Column("entered_at", "time"),
        Column("left_at", "time"), *numbers("dwell_s"), *texts("class", "run_id"),
        *wholes("track_id", "nth"),
    )  # fmt: skip
    stored = (
        "id", "zone_id", "entered_at", "left_at", "dwell_s", "object_class", "run_id", "track_id",
        "nth",
    )  # fmt: skip

    def rows() -> Rows:
        for camera in asked.cameras:
            zones = names_of(camera.scene.zones)
            found = Visit.objects.filter(
                camera=camera, entered_at__gte=asked.order.start, entered_at__lt=asked.order.end
            ).order_by("entered_at", "id")
            for pk, zone, *rest in found.values_list(*stored).iterator(chunk_size=CHUNK):
                yield (pk, camera.pk, camera.name, zone, zones.get(zone, zone), *rest)

    return Table("visits", columns, rows(), asked.zone)


def zones(asked: Asked) -> Table:
    columns = (
        *PERIOD, *CAMERA, *texts("zone_id", "zone"), *WATCHED, *wholes("visits"),
        *numbers("occupancy_mean"), *wholes("occupancy_max", "stays_ended"),
        *numbers("dwell_median_s", "dwell_p90_s"),
    )  # fmt: skip

    def rows() -> Rows:
        for camera in asked.cameras:
            names = names_of(camera.scene.zones)
            for row in zone_bins(
                [camera], asked.order.start, asked.order.end, asked.bin_minutes, now=asked.now
            ):
                yield (
                    row["start"], row["end"], camera.pk, camera.name, row["zone"],
                    names.get(row["zone"], row["zone"]), row["observed_s"], row["coverage"],
                    row["visits"], row["mean"], row["most"], row["stays"],
                    row["dwell_median_s"], row["dwell_p90_s"],
                )  # fmt: skip

    return Table("zones", columns, rows(), asked.zone)


def footfall(asked: Asked) -> Table:
    """Who came and left over each line on which persons are counted; forward leads in."""
    columns = (
        *PERIOD, *CAMERA, *texts("line_id", "line"), *WATCHED, *wholes("entries", "exits"),
    )  # fmt: skip
    counted = person_lines(asked.cameras)

    def rows() -> Rows:
        for camera in asked.cameras:
            names = names_of(camera.scene.lines)
            for line in counted.get(camera.pk, ()):
                found = people_bins(
                    {camera.pk: {line: "forward"}}, asked.order.start, asked.order.end,
                    asked.bin_minutes, now=asked.now,
                )  # fmt: skip
                for row in found.bins:
                    yield (
                        row["start"], row["end"], camera.pk, camera.name, line, names[line],
                        row["observed_s"], row["coverage"], row["entries"], row["exits"],
                    )  # fmt: skip

    return Table("footfall", columns, rows(), asked.zone)
