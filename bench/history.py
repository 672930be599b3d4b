"""What pages and exports read of a year of roll-ups, and how long it takes beside a plain scan.

    python -m bench.history [--cameras 50] [--days 365] [--database sqlite] [--database postgres]

Fills a temporary database with every minute and every quarter of so many cameras and days (a year
of 50 cameras: 26 million observed minutes, as many counts per minute, 18 million rows per quarter;
heat maps for the first camera only), asks each question of the pages and exports, and prints for
each: rows it read, of how many there are in the tables that it touched; seconds; and the ratio to
the time in which the same run reads those tables from end to end (COUNT and SUM). PostgreSQL tells
the rows it read (EXPLAIN ANALYZE); for SQLite they are those that match where its plan names an
index, and the whole table where it scans.

PostgreSQL is the server of DATABASE_URL; a database of its own is made there, and dropped at the
end.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bench.history_rows import END, fill
from bench.provenance import ROOT, print_provenance

DATABASES = ("sqlite", "postgres")
SCANNED = {
    "observedminute": "observed_s",
    "countinterval": "count",
    "quarterobserved": "observed_s",
    "quartercount": "count",
    "quarterspeed": "sum_mps",
    "quarterzone": "visits",
    "quartermovement": "count",
    "quarterheat": "length(cells)",
}
"""Tables, and what a plain scan of each adds up."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=50)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--database", choices=DATABASES, action="append")
    parser.add_argument("--quarters", action="store_true", help="leave the rows per minute out")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        measure(given.cameras, given.days, minutes=not given.quarters)
        return
    print_provenance()
    for database in given.database or DATABASES:
        with (
            tempfile.TemporaryDirectory(prefix="aision-history-") as folder,
            variables(database, Path(folder)) as environment,
        ):
            command = [sys.executable, "-m", "bench.history", "--inside"]
            command += ["--cameras", str(given.cameras), "--days", str(given.days)]
            command += ["--quarters"] * given.quarters
            subprocess.run(command, cwd=ROOT, env=environment, check=True)


@contextmanager
def variables(database: str, folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which Django finds an empty database."""
    environment = os.environ | {"AISION_DATA_DIR": str(folder), "AISION_LOG_LEVEL": "WARNING"}
    if database == "sqlite":
        yield {name: value for name, value in environment.items() if name != "DATABASE_URL"}
        return
    import psycopg  # noqa: PLC0415 - only where it is asked for

    server = os.environ.get("DATABASE_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
    name = f"aision_history_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield environment | {
                "DATABASE_URL": urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
            }
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def measure(cameras: int, days: int, *, minutes: bool) -> None:
    """Runs in a process whose environment names the temporary database."""
    import django  # noqa: PLC0415 - its settings read the environment

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aision.settings")
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    begun = time.perf_counter()
    fill(cameras, days, minutes=minutes)
    filled_s = time.perf_counter() - begun
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    sizes, scans = {}, {}
    for table in SCANNED:
        sizes[table], scans[table] = scan(table)
    total = sum(sizes.values())
    print(f"\n{connection.vendor}: {cameras} cameras × {days} days, {total:,} rows", end="")
    print(f" filled in {filled_s:.0f} s ({total / filled_s:,.0f} rows/s)")
    for table in SCANNED:
        print(f"  {table:16} {sizes[table]:>12,} rows, scanned in {scans[table]:7.3f} s")
    print(f"\n  {'question':50} {'rows read':>12} {'of':>12} {'s':>8} {'× scan':>8}")
    for name, ask in questions(cameras, days):
        rows, tables, seconds = asked(ask, sizes)
        whole = sum(sizes[table] for table in tables)
        if not whole:
            continue  # about minutes, which were left out
        ratio = seconds / sum(scans[table] for table in tables)
        print(f"  {name:50} {rows:>12,} {whole:>12,} {seconds:>8.3f} {ratio:>8.2f}")


def questions(cameras: int, days: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """What pages and exports ask, longest periods last."""
    from sensing.models import Camera  # noqa: PLC0415
    from sensing.selectors import count_bins, counts_of, current_site  # noqa: PLC0415
    from sensing.selectors.flow import flow_bins, peak_hours  # noqa: PLC0415
    from sensing.selectors.heat import heat_cells  # noqa: PLC0415
    from sensing.selectors.line_flows import line_flows  # noqa: PLC0415
    from sensing.selectors.movements import movement_counts  # noqa: PLC0415
    from sensing.selectors.people import people_bins  # noqa: PLC0415
    from sensing.selectors.quarters import Selection  # noqa: PLC0415
    from sensing.selectors.speeds import speed_bins  # noqa: PLC0415
    from sensing.selectors.stays import zone_bins  # noqa: PLC0415

    everyone = tuple(Camera.objects.select_related("scene"))
    one, site = everyone[:1], current_site()

    def chosen(some: tuple[Camera, ...], length: int) -> Selection:
        return Selection(some, END - timedelta(days=length), END, every=some is everyone)

    def exported(some: tuple[Camera, ...], length: int, minutes: int) -> int:
        return sum(1 for _ in count_bins(some, END - timedelta(days=length), END, minutes))

    def flow(some: tuple[Camera, ...], length: int) -> None:
        flow_bins(chosen(some, length), 1440 if length > 1 else 15, site)
        peak_hours(chosen(some, length), site)
        line_flows(chosen(some, length), site)

    def people(length: int) -> None:
        begin, minutes = END - timedelta(days=length), 1440 if length > 7 else 60
        people_bins({one[0].pk: {"a": "forward"}}, begin, END, minutes)
        list(zone_bins(one, begin, END, minutes))

    yield "live page: counts of now, all cameras", lambda: counts_of([c.pk for c in everyone], END)
    lengths = [length for length in (1, 7, 30) if length < days] + [days]
    for length in lengths:
        minutes = 15 if length == 1 else 60 if length <= 7 else 1440
        for some, who in ((one, "one camera"), (everyone, "all cameras")):
            words = f"{length} days, {who}"
            yield (
                f"counts page: {words}, bins of {minutes}",
                lambda some=some, length=length, minutes=minutes: flow_bins(  # type: ignore[misc]
                    chosen(some, length), minutes, site
                ),
            )
        alone = f"{length} days, one camera"
        yield f"flow page: {alone}", lambda length=length: flow(one, length)  # type: ignore[misc]
        yield (
            f"speeds page: {alone}",
            lambda length=length: speed_bins(  # type: ignore[misc]
                chosen(one, length), 1440 if length > 7 else 60, site, free=False
            ),
        )
        yield f"people page: {alone}", lambda length=length: people(length)  # type: ignore[misc]
    begin = END - timedelta(days=days)
    yield (
        f"movements page: {days} days, all cameras",
        lambda: list(movement_counts([camera.pk for camera in everyone], begin, END)),
    )
    yield (
        f"heat map: {days} days, one camera",
        lambda: heat_cells(one[0].pk, "vehicle", begin, END),
    )
    yield "export: 1 day, all cameras, bins of 1", lambda: exported(everyone, 1, 1)
    week = min(7, days)
    yield f"export: {week} days, one camera, bins of 5", lambda: exported(one, week, 5)
    for minutes in (15, 60, 1440):
        yield (
            f"export: {days} days, one camera, bins of {minutes}",
            lambda minutes=minutes: exported(one, days, minutes),  # type: ignore[misc]
        )
    yield f"export: {days} days, all cameras, bins of 60", lambda: exported(everyone, days, 60)


def asked(ask: Callable[[], object], sizes: dict[str, int]) -> tuple[int, set[str], float]:
    """(rows read, tables touched, seconds of the second of two runs)."""
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    with CaptureQueriesContext(connection) as captured:
        ask()
    begun = time.perf_counter()
    ask()
    seconds = time.perf_counter() - begun
    statements = [query["sql"] for query in captured if "sensing_" in query["sql"]]
    if any("sensing_crossing" in sql for sql in statements):
        raise SystemExit("a question about a long period read single crossings")
    told = [sql for sql in statements if touched(sql) & sizes.keys()]
    tables = set().union(*(touched(sql) for sql in told)) & sizes.keys()
    return sum(rows_read(sql, sizes) for sql in told), tables, seconds


def touched(sql: str) -> set[str]:
    return set(re.findall(r'FROM "sensing_(\w+)"', sql))


def rows_read(sql: str, sizes: dict[str, int]) -> int:
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}")
            answer = cursor.fetchone()[0]
            plan = json.loads(answer) if isinstance(answer, str) else answer
            return rows_of_plan(plan[0]["Plan"])
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        scans = any("SCAN sensing_" in str(row[-1]) for row in cursor.fetchall())
        (table,) = touched(sql)
        if scans:
            return sizes[table]
        where = re.split(r" GROUP BY | ORDER BY | LIMIT ", sql.split(" WHERE ", 1)[1])[0]
        cursor.execute(f'SELECT COUNT(*) FROM "sensing_{table}" WHERE {where}')
        return int(cursor.fetchone()[0])


def rows_of_plan(node: dict[str, object]) -> int:
    """Rows that the scans of a plan took from their tables, kept or not."""
    inner = node.get("Plans", [])
    assert isinstance(inner, list)
    rows = sum(rows_of_plan(child) for child in inner)
    kinds = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan")
    if node["Node Type"] in kinds:
        each = float(str(node["Actual Rows"])) + float(str(node.get("Rows Removed by Filter", 0)))
        rows += round(each * float(str(node["Actual Loops"])))
    return rows


def scan(table: str) -> tuple[int, float]:
    """Rows of a table and the seconds of reading them all, the better of two."""
    from django.db import connection  # noqa: PLC0415

    best, rows = float("inf"), 0
    for _ in range(2):
        begun = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT COUNT(*), SUM({SCANNED[table]}) FROM "sensing_{table}"')
            rows = cursor.fetchone()[0]
        best = min(best, time.perf_counter() - begun)
    return rows, best


if __name__ == "__main__":
    main()
