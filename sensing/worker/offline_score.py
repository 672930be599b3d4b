"""An analysis on disk against a ground-truth file: the numbers and the words for them."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sensing.domain.scoring import (
    LineScore,
    ScoredEvent,
    ScoredVisit,
    VisitScore,
    score_crossings,
    score_visits,
    total_score,
)
from sensing.worker.offline_truth import ScoreImpossible, read_json, read_truth

__all__ = ["ScoreImpossible", "Scores", "as_document", "as_text", "score_directory"]


@dataclass(frozen=True)
class Scores:
    """``lines`` and ``zones`` by name; ``occupancy`` holds (found, true) maximum per zone."""

    tolerance_s: float
    lines: Mapping[str, LineScore] = field(default_factory=dict)
    zones: Mapping[str, VisitScore] = field(default_factory=dict)
    occupancy: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def score_directory(directory: Path, truth_path: Path) -> Scores:
    """Score what ``analyze`` wrote against a ground-truth file (frames, fps, tolerance_frames).

    Raises ``ScoreImpossible``; when both are wrong, for the ground truth.
    """
    truth = read_truth(truth_path)
    most = _found_occupancy(directory / "summary.json")
    crossings = _found_crossings(directory / "crossings.csv")
    visits = _found_visits(directory / "visits.csv")
    return Scores(
        truth.tolerance_s,
        score_crossings(crossings, truth.crossings, truth.tolerance_s),
        score_visits(visits, truth.visits, truth.tolerance_s),
        {
            zone: (most.get(zone, 0), _most_at_once([x for x in truth.visits if x.zone == zone]))
            for zone in truth.zones
        },
    )


def as_document(scores: Scores) -> dict[str, Any]:
    """The scores for programs."""
    document: dict[str, Any] = {
        "tolerance_s": round(scores.tolerance_s, 3),
        "lines": {name: _numbers(score) for name, score in scores.lines.items()},
        "zones": {
            zone: _numbers(score) | {"within_tolerance": score.within_tolerance}
            for zone, score in scores.zones.items()
        },
        "occupancy_max": {
            zone: {"found": found, "truth": true}
            for zone, (found, true) in scores.occupancy.items()
        },
    }
    if scores.lines:
        document["total"] = _numbers(total_score(scores.lines))
    return document


def as_text(scores: Scores) -> str:
    """The scores for persons: a row per line and zone, then what was missed or surplus."""
    head = f"{'':<24}{'found':>7}{'truth':>7}{'matched':>9}{'precision':>11}{'recall':>8}{'F1':>8}"
    rows = [f"events within {scores.tolerance_s:.2f} s of the truth", "", head]
    rows += [_row(f"line {name}", score) for name, score in scores.lines.items()]
    if len(scores.lines) > 1:
        rows.append(_row("all lines", total_score(scores.lines)))
    rows += [_row(f"visits {zone}", score) for zone, score in scores.zones.items()]
    for zone, (found, true) in scores.occupancy.items():
        rows.append(f"occupancy {zone}: at most {found}, true {true}")
    for name, score in scores.lines.items():
        rows += [f"missed  {name} {e.direction} at {e.time_s:.2f} s" for e in score.missed]
        rows += [f"surplus {name} {e.direction} at {e.time_s:.2f} s" for e in score.surplus]
    return "\n".join(rows)


def _row(name: str, score: LineScore | VisitScore) -> str:
    return (
        f"{name:<24}{score.found:>7}{score.truth:>7}{score.matched:>9}"
        f"{score.precision:>11.3f}{score.recall:>8.3f}{score.f1:>8.3f}"
    )


def _numbers(score: LineScore | VisitScore) -> dict[str, Any]:
    return {
        "found": score.found,
        "truth": score.truth,
        "matched": score.matched,
        "precision": round(score.precision, 4),
        "recall": round(score.recall, 4),
        "f1": round(score.f1, 4),
    }


def _found_occupancy(path: Path) -> dict[str, int]:
    """The most at once in each zone, by name."""
    zones = read_json(path).get("zones", {})
    try:
        return {zone: int(found.get("occupancy_max", 0)) for zone, found in zones.items()}
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise ScoreImpossible(
            f"{path}: expected zones as analyze writes them, got {repr(zones)[:80]}"
        ) from error


def _found_crossings(path: Path) -> list[ScoredEvent]:
    return [
        ScoredEvent(row["line"], row["direction"], _seconds(path, row, "time_s"), row["class"])
        for row in _read_csv(path, ("line", "direction", "time_s", "class"))
    ]


def _found_visits(path: Path) -> list[ScoredVisit]:
    return [
        ScoredVisit(
            row["zone"], _seconds(path, row, "enter_s"), _seconds(path, row, "leave_s"),
            row["class"],
        )
        for row in _read_csv(path, ("zone", "enter_s", "leave_s", "class"))
    ]  # fmt: skip


def _read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise ScoreImpossible(f"{path}: expected a column {missing[0]!r}, got none")
            return list(reader)
    except OSError as error:
        raise ScoreImpossible(f"expected a folder written by analyze, but {error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ScoreImpossible(f"{path}: expected CSV, but {error}") from error


def _seconds(path: Path, row: dict[str, str], column: str) -> float:
    text = row[column]
    try:
        value = float(text)
    except (TypeError, ValueError):  # None where a row is cut off
        value = math.nan
    if not math.isfinite(value):
        raise ScoreImpossible(f"{path}: expected seconds in {column}, got {text!r}")
    return value


def _most_at_once(visits: Sequence[ScoredVisit]) -> int:
    steps = sorted([(v.enter_s, 1) for v in visits] + [(v.leave_s, -1) for v in visits])
    most = inside = 0
    for _, step in steps:
        inside += step
        most = max(most, inside)
    return most
