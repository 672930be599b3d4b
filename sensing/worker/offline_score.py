"""An analysis on disk against a ground-truth file: the numbers and the words for them."""

from __future__ import annotations

import csv
import json
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


class ScoreImpossible(ValueError):
    """A file is missing or not what it should be; the message says what was expected and came."""


@dataclass(frozen=True)
class Scores:
    """``lines`` and ``zones`` by name; ``occupancy`` holds (found, true) maximum per zone."""

    tolerance_s: float
    lines: Mapping[str, LineScore] = field(default_factory=dict)
    zones: Mapping[str, VisitScore] = field(default_factory=dict)
    occupancy: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def score_directory(directory: Path, truth_path: Path) -> Scores:
    """Score what ``analyze`` wrote against a ground-truth file (frames, fps, tolerance_frames).

    Raises ``ScoreImpossible``.
    """
    truth = _read_json(truth_path)
    fps = _positive(truth, "fps")
    tolerance_s = _positive(truth, "tolerance_frames") / fps
    zones = _names(truth, "zones")
    true_crossings = _true_crossings(truth, fps)
    true_visits = [
        ScoredVisit(_name(zones, x, "zone"), _seconds(x, "enter", fps), _seconds(x, "leave", fps))
        for x in _entries(truth, "visits")
    ]
    found = _read_json(directory / "summary.json").get("zones", {})
    return Scores(
        tolerance_s,
        score_crossings(_found_crossings(directory / "crossings.csv"), true_crossings, tolerance_s),
        score_visits(_found_visits(directory / "visits.csv"), true_visits, tolerance_s),
        {
            zone: (
                int(found.get(zone, {}).get("occupancy_max", 0)),
                _most_at_once([x for x in true_visits if x.zone == zone]),
            )
            for zone in zones.values()
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


def _true_crossings(truth: dict[str, Any], fps: float) -> list[ScoredEvent]:
    """Classes are left out: a person counting by eye writes other words than a detector."""
    lines = _names(truth, "lines")
    return [
        ScoredEvent(
            _name(lines, x, "line"),
            str(x.get("direction", "")),
            float(x["time_s"]) if "time_s" in x else _seconds(x, "frame", fps),
        )
        for x in _entries(truth, "crossings")
    ]


def _found_crossings(path: Path) -> list[ScoredEvent]:
    return [
        ScoredEvent(row["line"], row["direction"], float(row["time_s"]), row["class"])
        for row in _read_csv(path, ("line", "direction", "time_s", "class"))
    ]


def _found_visits(path: Path) -> list[ScoredVisit]:
    return [
        ScoredVisit(row["zone"], float(row["enter_s"]), float(row["leave_s"]), row["class"])
        for row in _read_csv(path, ("zone", "enter_s", "leave_s", "class"))
    ]


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


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScoreImpossible(f"expected a JSON file, but {error}") from error
    except (ValueError, RecursionError) as error:
        raise ScoreImpossible(f"{path}: expected JSON, but {error}") from error
    if not isinstance(document, dict):
        raise ScoreImpossible(f"{path}: expected an object, got {type(document).__name__}")
    return document


def _positive(truth: dict[str, Any], key: str) -> float:
    value = truth.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ScoreImpossible(f"ground truth, {key}: expected a number above 0, got {value!r}")
    return float(value)


def _entries(truth: dict[str, Any], key: str) -> list[dict[str, Any]]:
    entries = truth.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(x, dict) for x in entries):
        raise ScoreImpossible(f"ground truth, {key}: expected a list of objects, got {entries!r}")
    return entries


def _names(truth: dict[str, Any], key: str) -> dict[str, str]:
    """Names by id, and by name: truths written by hand name a line, rendered ones give its id."""
    named = {str(x.get("id") or x.get("name")): str(x.get("name") or x.get("id"))
             for x in _entries(truth, key)}  # fmt: skip
    return named | {name: name for name in named.values()}


def _name(names: Mapping[str, str], entry: dict[str, Any], key: str) -> str:
    name = names.get(str(entry.get(key)))
    if name is None:
        raise ScoreImpossible(
            f"ground truth: expected a {key} among {sorted(set(names.values()))},"
            f" got {entry.get(key)!r}"
        )
    return name


def _seconds(entry: dict[str, Any], key: str, fps: float) -> float:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ScoreImpossible(f"ground truth, {key}: expected a frame number, got {value!r}")
    return float(value) / fps


def _most_at_once(visits: Sequence[ScoredVisit]) -> int:
    steps = sorted([(v.enter_s, 1) for v in visits] + [(v.leave_s, -1) for v in visits])
    most = inside = 0
    for _, step in steps:
        inside += step
        most = max(most, inside)
    return most
