"""A ground-truth file: what truly happened in a recording, checked before anything is scored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensing.domain.scoring import ScoredEvent, ScoredVisit

DIRECTIONS = ("forward", "backward")
LONGEST_S = 1e9  # thirty years: no recording is longer, and no sum of such times overflows


class ScoreImpossible(ValueError):
    """A file is missing or not what it should be; the message says what was expected and came."""


@dataclass(frozen=True)
class Truth:
    """Seconds are since the first frame; ``zones`` are names."""

    tolerance_s: float
    zones: tuple[str, ...]
    crossings: tuple[ScoredEvent, ...]
    visits: tuple[ScoredVisit, ...]


def read_truth(path: Path) -> Truth:
    """Read a ground-truth file (frames, fps, tolerance_frames). Raises ``ScoreImpossible``."""
    document = read_json(path)
    try:
        fps = _number(document, "fps", "a number above 0", 1e-6, 1e6)
        tolerance_frames = _number(document, "tolerance_frames", "a number above 0", 1e-6, 1e9)
        lines, zones = _names(document, "lines"), _names(document, "zones")
        return Truth(
            tolerance_frames / fps,
            tuple(dict.fromkeys(zones.values())),
            tuple(_crossing(x, lines, fps) for x in _entries(document, "crossings")),
            tuple(_visit(x, zones, fps) for x in _entries(document, "visits")),
        )
    except ScoreImpossible as problem:
        raise ScoreImpossible(f"{path}: as ground truth, {problem}") from problem


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises ``ScoreImpossible``."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScoreImpossible(f"expected a JSON file, but {error}") from error
    except (ValueError, RecursionError) as error:
        raise ScoreImpossible(f"{path}: expected JSON, but {error}") from error
    if not isinstance(document, dict):
        raise ScoreImpossible(f"{path}: expected an object, got {type(document).__name__}")
    return document


def _crossing(entry: dict[str, Any], lines: Mapping[str, str], fps: float) -> ScoredEvent:
    """Classes are left out: a person counting by eye writes other words than a detector."""
    line, direction = _name(lines, entry, "line"), entry.get("direction")
    if "time_s" in entry:
        time_s = _number(entry, "time_s", "seconds", 0.0, LONGEST_S)
    else:
        time_s = _frame_s(entry, "frame", fps)
    if direction not in DIRECTIONS:
        raise ScoreImpossible(f"direction: expected forward or backward, got {direction!r}")
    return ScoredEvent(line, direction, time_s)


def _visit(entry: dict[str, Any], zones: Mapping[str, str], fps: float) -> ScoredVisit:
    zone = _name(zones, entry, "zone")
    enter_s, leave_s = _frame_s(entry, "enter", fps), _frame_s(entry, "leave", fps)
    if leave_s < enter_s:
        raise ScoreImpossible(
            f"visits: expected leave after enter, got {entry['enter']} to {entry['leave']}"
        )
    return ScoredVisit(zone, enter_s, leave_s)


def _frame_s(entry: dict[str, Any], key: str, fps: float) -> float:
    return _number(entry, key, "a frame number", 0.0, LONGEST_S * fps) / fps


def _number(entry: dict[str, Any], key: str, what: str, least: float, most: float) -> float:
    value = entry.get(key)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # Compared before it is made a float: a whole number of 400 digits has none. What is not a
    # number compares as False.
    if value is not None and number and least <= value <= most:
        return float(value)
    raise ScoreImpossible(f"{key}: expected {what}, got {repr(value)[:40]}")


def _entries(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    entries = document.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(x, dict) for x in entries):
        raise ScoreImpossible(f"{key}: expected a list of objects, got {repr(entries)[:80]}")
    return entries


def _names(document: dict[str, Any], key: str) -> dict[str, str]:
    """Names by id, and by name: truths written by hand name a line, rendered ones give its id."""
    named = {
        str(x.get("id") or x.get("name")): str(x.get("name") or x.get("id"))
        for x in _entries(document, key)
    }
    return named | {name: name for name in named.values()}


def _name(names: Mapping[str, str], entry: dict[str, Any], key: str) -> str:
    name = names.get(str(entry.get(key)))
    if name is None:
        known = sorted(set(names.values()))
        raise ScoreImpossible(f"expected a {key} among {known}, got {repr(entry.get(key))[:40]}")
    return name
