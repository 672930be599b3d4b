"""Memory and time of an export of crossings: a million rows against a hundred thousand.

Each export runs in a process of its own, on SQLite in a folder that is deleted afterwards; its peak
resident memory is the process's own. With ``--rows`` another number than a million.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.provenance import ROOT, print_provenance

START = datetime(2026, 1, 1, tzinfo=UTC)
FEW = 100_000
FORMATS = ("csv", "jsonl", "parquet", "xlsx")
FILL = """
WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k + 1 < %s)
INSERT INTO sensing_crossing (camera_id, run_id, line_id, track_id, nth, direction, object_class,
  size, confidence, at, frame_index, speed_mps, speed_doubtful, wrong_way, turn_back)
SELECT %s, 'run', 'gate', k, 0, CASE k %% 2 WHEN 0 THEN 'backward' ELSE 'forward' END, 'car',
  'small', 0.9, datetime('2026-01-01', '+' || k || ' seconds'), k, 10.0 + k %% 17 / 10.0, 0, 0, 0
FROM n
"""


def prepare(rows: int) -> None:
    """A database with one camera and so many crossings, a second apart."""
    import django  # noqa: PLC0415  only children of the benchmark run Django

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from sensing.models import Camera, Scene  # noqa: PLC0415

    # Tables as the models say: the memory of an export does not depend on migrations.
    call_command("migrate", run_syncdb=True, verbosity=0)
    camera = Camera.objects.create(name="Road", kind="rtsp", url="rtsp://192.0.2.1/stream")
    Scene.objects.create(camera=camera, lines=[{"id": "gate", "name": "Gate"}])
    with connection.cursor() as cursor:
        cursor.execute(FILL, [rows, camera.pk])


def export(rows: int, file_format: str) -> None:
    """Export the first rows of them into nothing; say what it took."""
    import django  # noqa: PLC0415

    django.setup()
    from sensing.export.order import Order  # noqa: PLC0415
    from sensing.selectors.exports import export_chunks  # noqa: PLC0415

    end = START + timedelta(seconds=rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, first, size = time.perf_counter(), None, 0
    for chunk in export_chunks(Order("crossings", file_format, START, end), datetime.now(UTC)):
        if chunk and first is None:
            first = time.perf_counter() - begun
        size += len(chunk)
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - begun,
                "first_s": first,
                "bytes": size,
                "before_kb": before,
                "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            }
        )
    )


def child(folder: str, *arguments: str) -> str:
    """Run this file again, as a process with its own memory, and read what it says last."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "aision.settings",
        "AISION_DATA_DIR": folder,
        "AISION_LOG_LEVEL": "ERROR",
    }
    environment.pop("DATABASE_URL", None)
    answer = subprocess.run(
        [sys.executable, "-m", "bench.export", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = answer.stdout.strip().splitlines()
    return lines[-1] if lines else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--prepare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--export", choices=FORMATS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.prepare:
        prepare(given.rows)
        return
    if given.export:
        export(given.rows, given.export)
        return
    print_provenance()
    with tempfile.TemporaryDirectory(prefix="aision-bench-") as folder:
        child(folder, "--prepare", "--rows", str(given.rows))
        size_mb = (Path(folder) / "aision.sqlite3").stat().st_size / 1e6
        print(f"crossings: {given.rows:,} rows, database {size_mb:.0f} MB (SQLite)")
        titles = ("rows", 10), ("MB", 7), ("s", 7), ("first s", 8), ("peak MiB", 9), ("more", 6)
        print(f"{'format':8}", *(f"{title:>{width}}" for title, width in titles))
        for file_format in given.formats:
            peaks: list[float] = []
            for rows in (min(FEW, given.rows), given.rows):
                found = json.loads(child(folder, "--export", file_format, "--rows", str(rows)))
                peaks.append(found["peak_kb"] / 1024)
                print(
                    f"{file_format:8} {rows:>10,} {found['bytes'] / 1e6:>7.1f}"
                    f" {found['seconds']:>7.1f} {found['first_s']:>8.2f} {peaks[-1]:>9.1f}"
                    f" {(found['peak_kb'] - found['before_kb']) / 1024:>6.1f}"
                )
            print(
                f"{'':8} peak memory × {peaks[-1] / peaks[0]:.2f} for × {given.rows / FEW:.0f} rows"
            )


if __name__ == "__main__":
    main()
