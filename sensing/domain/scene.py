"""A camera's Scene: counting lines, zones and sensing modules as one document.

Coordinates are 0–1 of the picture's width and height, origin top left. The ground-truth files that
sites exchange are scenes too, so unknown keys are ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Point = tuple[float, float]
Anchor = Literal["center", "bottom"]

MIN_LINE_LENGTH = 0.01
MAX_LINES = MAX_ZONES = 32
MAX_ZONE_POINTS = 32


class SceneInvalid(ValueError):
    """A scene document was refused; ``problems`` lists (where, what was expected and what came)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{where}: {what}" for where, what in problems))


@dataclass(frozen=True, slots=True)
class CountingLine:
    """Oriented segment p1→p2; ``forward`` is from the left of the arrow to its right on screen.

    ``one_way``: the only direction that may be driven, '' for both. ``speed_limit_mps``: None where
    the site states none.
    """

    id: str
    name: str
    p1: Point
    p2: Point
    one_way: Literal["forward", "backward", ""] = ""
    speed_limit_mps: float | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """Simple polygon in which stays (visits) and occupancy are measured."""

    id: str
    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class ModuleSetting:
    """A sensing module switched on, with its parameters (checked by the module itself)."""

    kind: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """One camera's lines, zones and modules; ``anchor`` is the point of a box that counts."""

    lines: tuple[CountingLine, ...] = ()
    zones: tuple[Zone, ...] = ()
    modules: tuple[ModuleSetting, ...] = ()
    anchor: Anchor = "center"


def parse_scene(document: Any, known_modules: Collection[str] | None = None) -> Scene:
    """Read a scene document.

    Missing ids are made from the names. Without a ``modules`` key, lines bring ``vehicle_traffic``
    and zones bring ``person_count``. Raises ``SceneInvalid`` with every problem found.
    """
    problems: list[tuple[str, str]] = []
    if not isinstance(document, Mapping):
        raise SceneInvalid([("scene", f"expected an object, got {type(document).__name__}")])
    anchor = document.get("anchor", "center")
    if anchor not in ("center", "bottom"):
        problems.append(("anchor", f'expected "center" or "bottom", got {anchor!r}'))
    lines = _items(document, "lines", MAX_LINES, problems)
    zones = _items(document, "zones", MAX_ZONES, problems)
    scene = Scene(
        lines=tuple(
            line for i, raw in enumerate(lines) if (line := _line(raw, f"lines[{i}]", problems))
        ),
        zones=tuple(
            zone for i, raw in enumerate(zones) if (zone := _zone(raw, f"zones[{i}]", problems))
        ),
        modules=_modules(document, bool(lines), bool(zones), known_modules, problems),
        anchor=anchor,
    )
    for kind, ids in (
        ("lines", [x.id for x in scene.lines]),
        ("zones", [x.id for x in scene.zones]),
    ):
        for repeated in sorted({x for x in ids if ids.count(x) > 1}):
            problems.append((kind, f"expected each id once, got {repeated!r} twice"))
    if problems:
        raise SceneInvalid(problems)
    return scene


def scene_document(scene: Scene) -> dict[str, Any]:
    """The JSON document of a scene; ``parse_scene`` reads it back unchanged."""
    return {
        "version": 1,
        "anchor": scene.anchor,
        "lines": [_line_document(line) for line in scene.lines],
        "zones": [
            {"id": x.id, "name": x.name, "points": [list(p) for p in x.points]} for x in scene.zones
        ],
        "modules": [{"kind": x.kind, "parameters": dict(x.parameters)} for x in scene.modules],
    }


def _line_document(line: CountingLine) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": line.id,
        "name": line.name,
        "points": [list(line.p1), list(line.p2)],
    }
    if line.one_way:
        document["one_way"] = line.one_way
    if line.speed_limit_mps is not None:
        document["speed_limit_mps"] = line.speed_limit_mps
    return document


def _items(
    document: Mapping[str, Any], key: str, limit: int, problems: list[tuple[str, str]]
) -> list[Any]:
    raw = document.get(key, [])
    if not isinstance(raw, list):
        problems.append((key, f"expected a list, got {type(raw).__name__}"))
        return []
    if len(raw) > limit:
        problems.append((key, f"expected at most {limit}, got {len(raw)}"))
        return []
    return raw


def _line(raw: Any, where: str, problems: list[tuple[str, str]]) -> CountingLine | None:
    named = _named(raw, where, problems)
    if named is None:
        return None
    points = _points(raw.get("points"), where, 2, 2, problems)
    if points is None:
        return None
    if math.dist(points[0], points[1]) < MIN_LINE_LENGTH:
        problems.append(
            (
                f"{where}.points",
                f"expected two points at least {MIN_LINE_LENGTH:g} apart, got {points}",
            )
        )
        return None
    one_way: Any = raw.get("one_way") or ""
    if one_way not in ("forward", "backward", ""):
        problems.append(
            (f"{where}.one_way", f'expected "forward", "backward" or "", got {repr(one_way)[:40]}')
        )
        return None
    limit = raw.get("speed_limit_mps")
    if limit is not None and not (is_number(limit) and 0.5 <= limit <= 100.0):
        problems.append(
            (f"{where}.speed_limit_mps", f"expected 0.5 to 100 m/s, got {repr(limit)[:40]}")
        )
        return None
    return CountingLine(
        *named, points[0], points[1], one_way, None if limit is None else float(limit)
    )


def _zone(raw: Any, where: str, problems: list[tuple[str, str]]) -> Zone | None:
    named = _named(raw, where, problems)
    if named is None:
        return None
    points = _points(raw.get("points"), where, 3, MAX_ZONE_POINTS, problems)
    if points is None:
        return None
    if _crosses_itself(points):
        problems.append(
            (f"{where}.points", "expected a polygon whose edges do not cross each other")
        )
        return None
    if _area(points) < 1e-5:
        problems.append((f"{where}.points", "expected a polygon with an area, got a flat one"))
        return None
    return Zone(*named, tuple(points))


def _named(raw: Any, where: str, problems: list[tuple[str, str]]) -> tuple[str, str] | None:
    if not isinstance(raw, Mapping):
        problems.append((where, f"expected an object, got {type(raw).__name__}"))
        return None
    name = raw.get("name") or raw.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= 80 or not name.isprintable():
        came = name[:100] if isinstance(name, str) else name
        problems.append((f"{where}.name", f"expected a text of 1 to 80 characters, got {came!r}"))
        return None
    identity = raw.get("id") or re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"
    if not isinstance(identity, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", identity[:41]):
        problems.append(
            (f"{where}.id", f"expected 1 to 40 letters, digits, - or _, got {identity!r}")
        )
        return None
    return identity, name


def _points(
    raw: Any, where: str, least: int, most: int, problems: list[tuple[str, str]]
) -> list[Point] | None:
    if not isinstance(raw, list) or not least <= len(raw) <= most:
        number = f"{least}" if least == most else f"{least} to {most}"
        came = f"{len(raw)} points" if isinstance(raw, list) else repr(raw)
        problems.append((f"{where}.points", f"expected {number} points, got {came}"))
        return None
    points: list[Point] = []
    for i, pair in enumerate(raw):
        if (
            not isinstance(pair, list | tuple)
            or len(pair) != 2
            or not all(is_number(v) and 0.0 <= v <= 1.0 for v in pair)
        ):
            problems.append((f"{where}.points[{i}]", f"expected [x, y] within 0–1, got {pair!r}"))
            return None
        points.append((float(pair[0]), float(pair[1])))
    return points


def _modules(
    document: Mapping[str, Any],
    has_lines: bool,
    has_zones: bool,
    known: Collection[str] | None,
    problems: list[tuple[str, str]],
) -> tuple[ModuleSetting, ...]:
    if "modules" not in document:
        return (ModuleSetting("vehicle_traffic"),) * has_lines + (
            ModuleSetting("person_count"),
        ) * has_zones
    settings: list[ModuleSetting] = []
    for i, raw in enumerate(_items(document, "modules", 16, problems)):
        where = f"modules[{i}]"
        if not isinstance(raw, Mapping) or not isinstance(raw.get("kind"), str):
            problems.append((where, f'expected an object with a "kind", got {raw!r}'))
        elif known is not None and raw["kind"] not in known:
            problems.append(
                (
                    f"{where}.kind",
                    f"expected one of {', '.join(sorted(known))}, got {raw['kind']!r}",
                )
            )
        elif not isinstance(raw.get("parameters", {}), Mapping):
            problems.append((f"{where}.parameters", "expected an object"))
        else:
            settings.append(ModuleSetting(raw["kind"], dict(raw.get("parameters", {}))))
    return tuple(settings)


def is_number(value: Any) -> bool:
    """Whether a document's value is a finite number, and no truth value."""
    # abs() first: a whole number of 400 digits has no float.
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < 1e300
        and math.isfinite(value)
    )


def _area(points: list[Point]) -> float:
    return (
        abs(
            sum(
                a[0] * b[1] - b[0] * a[1]
                for a, b in zip(points, points[1:] + points[:1], strict=True)
            )
        )
        / 2
    )


def _crosses_itself(points: list[Point]) -> bool:
    edges = list(zip(points, points[1:] + points[:1], strict=True))
    return any(
        _segments_cross(*edges[i], *edges[j])
        for i in range(len(edges))
        for j in range(i + 2, len(edges))
        if not (i == 0 and j == len(edges) - 1)
    )


def _segments_cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    def side(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) <= 0 and side(c, d, a) * side(c, d, b) <= 0
