"""Roll-ups of many cameras over a long time, for ``bench.history``; Django is set up by then.

Traffic follows the hour of the day; series are missing at night, cameras are down for an hour or
unknown for four now and then, and some minutes were watched in part. Rows are made by the database
itself, a day at a time, so that they lie on the disk in the order in which a gateway writes them.
Indexes are built afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

END = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = (2, 1, 1, 1, 3, 10, 35, 80, 95, 70, 60, 62, 68, 64, 66, 75, 90, 100, 85, 60, 40, 25, 12, 5)
"""Traffic by hour of the day, per cent of the busiest."""
SERIES = (
    ("car", "small", "forward", 70),
    ("car", "small", "backward", 65),
    ("truck", "large", "forward", 35),
    ("truck", "large", "backward", 30),
)
"""Class, size, direction and per cent of minutes with a crossing in the busiest hour."""
SAMPLES = 64
MINUTE_TABLES = ("observedminute", "countinterval")
QUARTER_TABLES = ("observed", "count", "speed", "zone", "movement", "heat")

# Of one camera and minute m: not known, down, watched in part. All begin on a quarter of an hour.
GAP = "(m / 240 + c.id * 37) % 97 = 0"
DOWN = "(m / 60 + c.id * 53) % 211 = 0"
PART = "(m / 15 + c.id * 11) % 499 = 0"


def fill(cameras: int, days: int, *, minutes: bool) -> None:
    from django.db import connection  # noqa: PLC0415

    make_cameras(cameras)
    make_samples()
    last = int(END.timestamp()) // 60
    tables = [f"sensing_quarter{name}" for name in QUARTER_TABLES]
    tables += [f"sensing_{name}" for name in MINUTE_TABLES] if minutes else []
    with unindexed(tables), connection.cursor() as cursor:
        for day in range(last - days * 1440, last, 1440):
            for statement in quarter_statements():
                cursor.execute(series(day // 15, day // 15 + 96, 15) + statement)
            for statement in minute_statements() if minutes else ():
                cursor.execute(series(day, day + 1440, 1) + statement)


def make_cameras(count: int) -> None:
    from sensing.models import Camera, Scene  # noqa: PLC0415

    lines = [{"id": "a", "name": "A", "points": [[0.1, 0.5], [0.9, 0.5]]}]
    zones = [{"id": "z", "name": "Z", "points": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}]
    rows = Camera.objects.bulk_create(
        Camera(name=f"Camera {k}", kind="rtsp", url=f"rtsp://192.0.2.1/{k}") for k in range(count)
    )
    Scene.objects.bulk_create(Scene(camera=row, lines=lines, zones=zones) for row in rows)


def make_samples() -> None:
    """Tables that the statements join: hours, series, and packed columns of some quarters."""
    import numpy as np  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from sensing.domain.statistics import packing  # noqa: PLC0415

    chance = np.random.default_rng(1)
    lanes = np.zeros((packing.HEAT_ROWS, packing.HEAT_COLUMNS), bool)
    lanes[:, 10:15] = lanes[:, 30:35] = True
    samples = []
    for k in range(SAMPLES):
        speeds = np.clip(chance.normal(13.0, 2.5, 20 + k), 3.0, 40.0)
        bins = [packing.speed_bin(float(speed)) for speed in speeds]
        stays_s = chance.lognormal(3.0, 0.8, 5 + k % 20)
        dwells = [packing.dwell_bin(float(stay_s)) for stay_s in stays_s]
        heat = lanes * chance.gamma(1.0, 12.0, lanes.shape)
        samples.append((
            k, len(speeds), float(speeds.sum()), float((1.0 / speeds).sum()),
            packing.pack(np.bincount(bins)), len(stays_s), float(stays_s.sum()),
            packing.pack(np.bincount(dwells)), packing.pack_heat(heat),
        ))  # fmt: skip
    blob = "bytea" if connection.vendor == "postgresql" else "blob"
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE hours (hour int PRIMARY KEY, level int)")
        cursor.executemany("INSERT INTO hours VALUES (%s, %s)", list(enumerate(HOURS)))
        cursor.execute(
            "CREATE TEMP TABLE series (k int, label text, size text, way text, busy int)"
        )
        cursor.executemany(
            "INSERT INTO series VALUES (%s, %s, %s, %s, %s)",
            [(k, *values) for k, values in enumerate(SERIES)],
        )
        cursor.execute(
            "CREATE TEMP TABLE samples (k int PRIMARY KEY, n int, sum_mps float,"
            f" sum_s_per_m float, speeds {blob}, stays int, dwell_s float, dwell {blob},"
            f" cells {blob})"
        )
        cursor.executemany(f"INSERT INTO samples VALUES ({', '.join(['%s'] * 9)})", samples)


def series(first: int, after: int, minutes: int) -> str:
    """Names t(x, m, level): numbers of minutes or quarters, their minutes, the traffic then."""
    from django.db import connection  # noqa: PLC0415

    numbers = (
        f"n(x) AS (SELECT generate_series({first}::bigint, {after - 1}))"
        if connection.vendor == "postgresql"
        else f"n(x) AS (SELECT {first} UNION ALL SELECT x + 1 FROM n WHERE x + 1 < {after})"
    )
    t = f"SELECT x, x * {minutes} AS m, level FROM n JOIN hours ON hour = x * {minutes} / 60 % 24"
    return f"WITH RECURSIVE {numbers}, t AS ({t}) "


def draw(step: int) -> str:
    """0 to 9972, different from one time, camera and series to the next."""
    return f"((x * {step} + c.id * 6271 + s.k * 3571) % 9973)"


def minute_statements() -> Iterator[str]:
    watched = f"CASE WHEN {DOWN} THEN 0.0 WHEN {PART} THEN 41.5 ELSE 60.0 END"
    down = f"CASE WHEN {DOWN} THEN 60.0 ELSE 0.0 END"
    every = f"FROM t CROSS JOIN sensing_camera c WHERE NOT {GAP}"
    yield (
        "INSERT INTO sensing_observedminute (camera_id, minute, observed_s, down_s)"
        f" SELECT c.id, x, {watched}, {down} {every}"
    )
    yield (
        "INSERT INTO sensing_countinterval"
        " (camera_id, minute, line_id, object_class, size, direction, count)"
        f" SELECT c.id, x, 'a', label, size, way, 1 + {draw(4441)} % (1 + level / 15)"
        " FROM t CROSS JOIN sensing_camera c CROSS JOIN series s"
        f" WHERE {draw(7919)} < level * busy AND NOT {GAP} AND NOT {DOWN}"
    )


def quarter_statements() -> Iterator[str]:
    watched = f"CASE WHEN {DOWN} THEN 0.0 WHEN {PART} THEN 622.5 ELSE 900.0 END"
    down = f"CASE WHEN {DOWN} THEN 900.0 ELSE 0.0 END"
    every = "FROM t CROSS JOIN sensing_camera c"
    alive = f"NOT {GAP} AND NOT {DOWN}"
    sampled = f"JOIN samples p ON p.k = {draw(4441)} % {SAMPLES}"
    one = "JOIN series s ON s.k = 0"
    busy = f"level * busy * 15 > {draw(7919)}"
    yield (
        "INSERT INTO sensing_quarterobserved (camera_id, quarter, observed_s, down_s)"
        f" SELECT c.id, x, {watched}, {down} {every} WHERE NOT {GAP}"
    )
    yield (
        "INSERT INTO sensing_quartercount (camera_id, quarter, line_id, object_class, size,"
        " direction, count, turn_backs, wrong_way) SELECT c.id, x, 'a', label, size, way,"
        f" 1 + level * busy * (7000 + {draw(4441)}) / 10000000, 0,"
        f" CASE WHEN {draw(4441)} < 20 THEN 1 ELSE 0 END"
        f" {every} CROSS JOIN series s WHERE {busy} AND {alive}"
    )
    yield (
        "INSERT INTO sensing_quarterspeed (camera_id, quarter, line_id, direction, object_class,"
        " count, doubtful, sum_mps, sum_s_per_m, on_line_s, histogram)"
        f" SELECT c.id, x, 'a', way, label, n, 0, sum_mps, sum_s_per_m, 5 * sum_s_per_m, speeds"
        f" {every} JOIN series s ON label = 'car' {sampled} WHERE {busy} AND {alive}"
    )
    yield (
        "INSERT INTO sensing_quartermovement (camera_id, quarter, origin_line, origin_direction,"
        " destination_line, destination_direction, object_class, count)"
        f" SELECT c.id, x, 'a', way, 'b', 'forward', label, 1 + {draw(4441)} % 9"
        f" {every} CROSS JOIN series s WHERE {busy} AND {alive}"
    )
    yield (
        "INSERT INTO sensing_quarterzone (camera_id, quarter, zone_id, occupied_s, occupancy_max,"
        " visits, dwell_s, dwell) SELECT c.id, x, 'z', dwell_s, 1 + p.k % 9, stays, dwell_s, dwell"
        f" {every} {one} {sampled} WHERE {alive}"
    )
    yield (
        "INSERT INTO sensing_quarterheat (camera_id, quarter, kind, cells)"
        f" SELECT c.id, x, 'vehicle', cells {every} {one} {sampled} WHERE {alive}"
    )


@contextmanager
def unindexed(tables: list[str]) -> Iterator[None]:
    """Filling without indexes and constraints, as far as the database lets them go."""
    from django.db import connection  # noqa: PLC0415

    postgres = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        again = [x for table in tables for x in (dropped if postgres else forgotten)(cursor, table)]
        if not postgres:  # nobody needs this database after a crash
            cursor.execute("PRAGMA journal_mode = OFF")
            cursor.execute("PRAGMA synchronous = OFF")
            cursor.execute("PRAGMA cache_size = -1000000")
        yield
        if postgres:
            cursor.execute("SET maintenance_work_mem = '1GB'")
        for statement in again:
            cursor.execute(statement)
        if not postgres:
            cursor.execute("PRAGMA cache_size = -16000")  # the gateway's
            cursor.execute("PRAGMA journal_mode = WAL")


def dropped(cursor: Any, table: str) -> list[str]:
    """Drop what slows writing to a table of PostgreSQL; returns what makes it again."""
    cursor.execute(f"ALTER TABLE {table} SET UNLOGGED")
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid), contype FROM pg_constraint"
        f" WHERE conrelid = '{table}'::regclass AND contype IN ('p', 'u', 'f')"
    )
    again = []
    for name, definition, kind in cursor.fetchall():
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        valid = " NOT VALID" if kind == "f" else ""
        again.append(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}{valid}')
    cursor.execute(f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename = '{table}'")
    for name, definition in cursor.fetchall():
        cursor.execute(f'DROP INDEX "{name}"')
        again.append(definition)
    return again


def forgotten(cursor: Any, table: str) -> list[str]:
    """The same for SQLite, whose constraints stay."""
    cursor.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        f" AND tbl_name = '{table}'"
    )
    found = cursor.fetchall()
    for name, _sql in found:
        cursor.execute(f'DROP INDEX "{name}"')
    return [sql for _name, sql in found]
