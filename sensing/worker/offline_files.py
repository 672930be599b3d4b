"""An analysis as files: crossings, visits and counts as CSV, totals as JSON, all or none."""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sensing.domain.results import Crossing, SpeedReading
from sensing.domain.scene import Scene
from sensing.domain.statistics.speeds import percentile, space_mean_mps, time_mean_mps
from sensing.worker.offline import Analysis

CROSSING_COLUMNS = (
    "time_s", "frame", "line", "direction", "class", "size", "track", "confidence",
    "speed_mps", "speed_error_mps", "length_m", "headway_s", "gap_s", "on_line_s",
    "wrong_way", "turn_back",
)  # fmt: skip
VISIT_COLUMNS = ("enter_s", "leave_s", "dwell_s", "zone", "class", "track")
COUNT_COLUMNS = ("minute", "line", "direction", "class", "count")


def write_results(directory: Path, analysis: Analysis, scene: Scene, about: dict[str, Any]) -> None:
    """Write the four files to ``directory``: to a neighbour first, so none is ever half there.

    ``about`` is added to the summary (where the recording, scene and model came from).
    """
    line_names = {line.id: line.name for line in scene.lines}
    speeds = {(r.line_id, r.track_id, r.nth): r for r in analysis.speeds}
    zone_names = {zone.id: zone.name for zone in scene.zones}
    with _all_or_nothing(directory) as target:
        _write_csv(
            target / "crossings.csv",
            CROSSING_COLUMNS,
            (
                (f"{x.time_s:.3f}", x.frame_index, line_names[x.line_id], x.direction,
                 x.object_class, x.size, x.track_id, f"{x.confidence:.3f}",
                 *_measured(x, speeds.get((x.line_id, x.track_id, x.nth))))
                for x in sorted(analysis.crossings, key=lambda x: (x.time_s, x.track_id))
            ),
        )  # fmt: skip
        _write_csv(
            target / "visits.csv",
            VISIT_COLUMNS,
            (
                (f"{x.enter_s:.3f}", f"{x.leave_s:.3f}", f"{x.dwell_s:.3f}",
                 zone_names[x.zone_id], x.object_class, x.track_id)
                for x in sorted(analysis.visits, key=lambda x: (x.enter_s, x.track_id))
            ),
        )  # fmt: skip
        _write_csv(target / "counts.csv", COUNT_COLUMNS, _minute_counts(analysis, line_names))
        document = summary(analysis, scene) | about
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        (target / "summary.json").write_text(text, encoding="utf-8")


def summary(analysis: Analysis, scene: Scene) -> dict[str, Any]:
    """The totals of an analysis as a JSON document."""
    per_frame = analysis.cpu_ms_per_frame()
    return {
        "model": analysis.model,
        "frames_read": analysis.frames_read,
        "frames_analysed": analysis.frames_analysed,
        "fps": round(analysis.fps, 3),
        "duration_s": round(analysis.duration_s, 3),
        "wall_s": round(analysis.wall_s, 3),
        "width": analysis.width,
        "height": analysis.height,
        "cpu_ms_per_frame": {name: round(ms, 3) for name, ms in per_frame.items()}
        | {"total": round(sum(per_frame.values()), 3)},
        "lines": {
            line.name: {
                direction: _totals(analysis, line.id, direction)
                for direction in ("forward", "backward")
            }
            for line in scene.lines
        },
        "zones": {
            zone.name: {
                "visits": sum(visit.zone_id == zone.id for visit in analysis.visits),
                "occupancy_max": analysis.occupancy_max.get(zone.id, 0),
            }
            for zone in scene.zones
        },
        "warnings": analysis.warnings,
    }


def _totals(analysis: Analysis, line_id: str, direction: str) -> dict[str, Any]:
    found = [x for x in analysis.crossings if (x.line_id, x.direction) == (line_id, direction)]
    return {
        "total": len(found),
        "by_class": dict(sorted(Counter(x.object_class for x in found).items())),
        "by_size": dict(sorted(Counter(x.size for x in found if x.size).items())),
        "wrong_way": sum(x.wrong_way for x in found),
        "turn_backs": sum(x.turn_back for x in found),
        "speeds": _speed_totals(analysis, found),
    }


def _speed_totals(analysis: Analysis, crossings: Sequence[Crossing]) -> dict[str, Any]:
    """Speeds in m/s; what rests on too few is None."""
    keys = {(x.line_id, x.track_id, x.nth) for x in crossings}
    found = [r.speed_mps for r in analysis.speeds if (r.line_id, r.track_id, r.nth) in keys]
    return {
        "count": len(found),
        "time_mean_mps": _rounded(time_mean_mps(found)),
        "space_mean_mps": _rounded(space_mean_mps(found)),
        **{f"v{p}_mps": _rounded(percentile(found, p).value_mps) for p in (15, 50, 85)},
    }


def _measured(crossing: Crossing, reading: SpeedReading | None) -> tuple[object, ...]:
    """The columns from speed_mps on; empty where unknown."""
    r = reading
    known = (
        (None, None, None, crossing.headway_s, None, None)
        if r is None
        else (
            r.speed_mps, r.standard_error_mps, r.length_m, crossing.headway_s, r.gap_s, r.on_line_s,
        )
    )  # fmt: skip
    numbers = ("" if value is None else f"{value:.3f}" for value in known)
    return *numbers, int(crossing.wrong_way), int(crossing.turn_back)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _minute_counts(analysis: Analysis, line_names: dict[str, str]) -> Iterator[tuple[object, ...]]:
    counts = Counter(
        (int(x.time_s // 60), line_names[x.line_id], x.direction, x.object_class)
        for x in analysis.crossings
    )
    for key, count in sorted(counts.items()):
        yield (*key, count)


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


@contextmanager
def _all_or_nothing(directory: Path) -> Iterator[Path]:
    """A folder beside ``directory`` whose files move there when the block ends without error."""
    directory = directory.absolute()
    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        yield staging
        directory.mkdir(exist_ok=True)
        for path in sorted(staging.iterdir()):
            os.replace(path, directory / path.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
