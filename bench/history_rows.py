"""Roll-ups of many cameras over a long time, for ``bench.history``; Django is set up by then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

END = datetime(2026, 1, 1, tzinfo=UTC)


def fill(cameras: int, days: int, *, minutes: bool) -> None:
    from django.db import connection, transaction  # noqa: PLC0415

    from sensing.models import Camera, Scene  # noqa: PLC0415

    lines = [{"id": "a", "name": "A", "points": [[0.1, 0.5], [0.9, 0.5]]}]
    zones = [{"id": "z", "name": "Z", "points": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}]
    rows = Camera.objects.bulk_create(
        Camera(name=f"Camera {k}", kind="rtsp", url=f"rtsp://192.0.2.1/{k}") for k in range(cameras)
    )
    Scene.objects.bulk_create(Scene(camera=row, lines=lines, zones=zones) for row in rows)
    last = int(END.timestamp()) // 60
    begin = last - days * 1440
    spans = ((begin, last if minutes else begin), (begin // 15, last // 15))
    for statement, (first, after) in statements(*spans):
        if first == after:
            continue
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"{series(connection.vendor, first, after)} {statement}")


def series(vendor: str, first: int, after: int) -> str:
    if vendor == "postgresql":
        return f"WITH t(x) AS (SELECT generate_series({first}, {after - 1}))"
    return (
        f"WITH RECURSIVE t(x) AS (SELECT {first} UNION ALL SELECT x + 1 FROM t"
        f" WHERE x + 1 < {after})"
    )


def statements(
    minutes: tuple[int, int], quarters: tuple[int, int]
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Rows of every camera and time; a count in one minute of four of each of four series."""
    from django.db import connection  # noqa: PLC0415

    from sensing.domain.statistics.packing import HEAT_COLUMNS, HEAT_ROWS  # noqa: PLC0415

    literal = "'\\x{}'::bytea" if connection.vendor == "postgresql" else "x'{}'"
    packed = literal.format(packed_speeds().hex())
    each = "FROM t CROSS JOIN sensing_camera c"
    yield (
        "INSERT INTO sensing_observedminute (camera_id, minute, observed_s, down_s)"
        f" SELECT c.id, x, 60.0, 0.0 {each}",
        minutes,
    )
    yield (
        "INSERT INTO sensing_quarterobserved (camera_id, quarter, observed_s, down_s)"
        f" SELECT c.id, x, 900.0, 0.0 {each}",
        quarters,
    )
    for k, (name, size, direction) in enumerate(
        (name, size, direction)
        for name, size in (("car", "small"), ("truck", "large"))
        for direction in ("forward", "backward")
    ):
        series_columns = f"'a', '{name}', '{size}', '{direction}'"
        yield (
            "INSERT INTO sensing_countinterval"
            " (camera_id, minute, line_id, object_class, size, direction, count)"
            f" SELECT c.id, x, {series_columns}, 1 + x % 7 {each} WHERE (x + {k} + c.id) % 4 = 0",
            minutes,
        )
        yield (
            "INSERT INTO sensing_quartercount (camera_id, quarter, line_id, object_class, size,"
            " direction, count, turn_backs, wrong_way)"
            f" SELECT c.id, x, {series_columns}, 5 + x % 70, 0, 0 {each}",
            quarters,
        )
        if name == "car":
            yield (
                "INSERT INTO sensing_quarterspeed (camera_id, quarter, line_id, direction,"
                " object_class, count, doubtful, sum_mps, sum_s_per_m, on_line_s, histogram)"
                f" SELECT c.id, x, 'a', '{direction}', '{name}', 60, 0, 840.0, 4.3, 20.0, {packed}"
                f" {each}",
                quarters,
            )
        yield (
            "INSERT INTO sensing_quartermovement (camera_id, quarter, origin_line,"
            " origin_direction, destination_line, destination_direction, object_class, count)"
            f" SELECT c.id, x, 'a', '{direction}', 'b', 'forward', '{name}', 1 + x % 9 {each}",
            quarters,
        )
    yield (
        "INSERT INTO sensing_quarterzone (camera_id, quarter, zone_id, occupied_s, occupancy_max,"
        f" visits, dwell_s, dwell) SELECT c.id, x, 'z', 300.0, 4, 12, 240.0, {packed} {each}",
        quarters,
    )
    cells = literal.format("0000803f" * HEAT_ROWS * HEAT_COLUMNS)
    yield (
        "INSERT INTO sensing_quarterheat (camera_id, quarter, kind, cells)"
        f" SELECT c.id, x, 'vehicle', {cells} {each} WHERE c.id = (SELECT MIN(id) FROM"
        " sensing_camera)",
        quarters,
    )


def packed_speeds() -> bytes:
    from sensing.domain.statistics.packing import pack  # noqa: PLC0415

    return pack([0] * 20 + [6] * 10)
