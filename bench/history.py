"""What pages and exports read of a year of roll-ups, and how long it takes beside a plain scan.

    python -m bench.history [--cameras 50] [--days 365] [--database sqlite] [--database postgres]

Fills a temporary database with the minutes and quarters of so many cameras and days (a year of 50
cameras: 26 million observed minutes and as many counts), has the gateway's own job sum the days,
asks each question of the pages and exports, and prints for each: rows it read, of how many there
are in the tables that it is about; seconds; and the ratio to the time in which the same run reads
those tables from end to end (COUNT and SUM); a question that days answer is about the quarters that
they sum. PostgreSQL tells the rows it read (EXPLAIN ANALYZE);
for SQLite they are those that match where its plan names an index, and the whole table where it
scans. A question that reads single crossings ends the run.

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

from bench.history_questions import questions
from bench.history_rows import END, fill
from bench.provenance import ROOT, print_provenance

DATABASES = ("sqlite", "postgres")
SCANNED = {
    "observedminute": "observed_s",
    "countinterval": "count",
    "zoneminute": "visits",
    **{
        f"{unit}{name}": column
        for unit in ("quarter", "day")
        for name, column in (
            ("observed", "observed_s"),
            ("count", "count"),
            ("speed", "sum_mps"),
            ("zone", "visits"),
            ("movement", "count"),
            ("heat", "length(cells)"),
        )
    },
}
"""Tables, and what a plain scan of each adds up."""
LONG_S = 10.0


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

    from sensing.ingest.days import sum_days  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    begun = time.perf_counter()
    fill(cameras, days, minutes=minutes)
    filled_s = time.perf_counter() - begun
    begun = time.perf_counter()
    summed = sum_days(END + timedelta(days=1), days)
    summed_s = time.perf_counter() - begun
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    sizes, scans = {}, {}
    for table in SCANNED:
        sizes[table], scans[table] = scan(table)
    total = sum(sizes.values())
    print(f"\n{connection.vendor}: {cameras} cameras × {days} days, {total:,} rows", end="")
    print(f" filled in {filled_s:.0f} s ({total / filled_s:,.0f} rows/s)")
    print(f"  {summed} days summed in {summed_s:.0f} s ({summed_s / summed:.2f} s a day)")
    for table in SCANNED:
        print(f"  {table:16} {sizes[table]:>12,} rows, scanned in {scans[table]:7.3f} s")
    print(f"\n  {'question':56} {'rows read':>12} {'of':>12} {'s':>8} {'× scan':>8}", flush=True)
    for name, ask in questions(cameras, days):
        rows, tables, seconds = asked(ask, sizes)
        tables = {f"quarter{x[3:]}" if x.startswith("day") else x for x in tables}
        whole = sum(sizes[table] for table in tables)
        if not whole:
            continue  # about minutes, which were left out
        ratio = seconds / sum(scans[table] for table in tables)
        print(f"  {name:56} {rows:>12,} {whole:>12,} {seconds:>8.3f} {ratio:>8.2f}", flush=True)


def asked(ask: Callable[[], object], sizes: dict[str, int]) -> tuple[int, set[str], float]:
    """(rows read, tables touched, seconds of the second of two runs, or of a long first one)."""
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    begun = time.perf_counter()
    with CaptureQueriesContext(connection) as captured:
        ask()
    seconds = time.perf_counter() - begun
    if seconds < LONG_S:
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
