"""What the training of a region model is to do, as a TOML file says it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from models_registry.training.fields import invalid, read_table
from models_registry.training.recipe import (
    ROAD_USERS,
    ScheduleRecipe,
    SourceRecipe,
    TeacherRecipe,
)
from models_registry.training.recipe_toml import read_toml

_WORDS = ("name", "licence", "notes", "limits")


@dataclass(frozen=True, slots=True)
class RegionNetRecipe:
    """``channels`` of every layer; sides in pixels, multiples of a cell."""

    input_width: int = 208
    input_height: int = 128
    channels: int = 16

    LIMITS: ClassVar = {
        "input_width": (32, 1024),
        "input_height": (32, 1024),
        "channels": (4, 128),
    }


@dataclass(frozen=True, slots=True)
class PairRecipe:
    """How two pictures of one camera become an example; probabilities per pair.

    ``scale``: factor on the size that fits. ``shake_px`` of the small picture, ``light``: share by
    which exposure differs, ``cloud``: of a shadow's edge, ``noise``: grey levels of 255. ``paste``:
    an object of another picture is put into one of the two. ``far``: at most so many stills apart.
    ``part``: width and height of the part of the small picture that is learnt from, multiples of a
    cell; ``still``: the same picture twice. ``caught``: of what changed, this share must be marked.
    ``pool``: so many examples are made, and drawn again and again.
    """

    pool: int = 6000
    part: tuple[int, int] = (104, 64)
    scale: tuple[float, float] = (0.7, 1.5)
    shake_px: float = 0.7
    light: float = 0.12
    cloud: float = 0.3
    noise: float = 5.0
    paste: float = 0.4
    still: float = 0.25
    far: int = 10
    caught: float = 0.975

    LIMITS: ClassVar = {
        "pool": (1, 1_000_000),
        "part": (32, 1024),
        "scale": (0.2, 4),
        "shake_px": (0, 8),
        "light": (0, 0.9),
        "cloud": (0, 1),
        "noise": (0, 50),
        "paste": (0, 1),
        "still": (0, 1),
        "far": (1, 1000),
        "caught": (0.5, 1),
    }


@dataclass(frozen=True, slots=True)
class RegionsRecipe:
    """``sources``: cameras, rendered or filmed, as stills in order; ``objects``: labelled pictures
    from which single objects are taken; ``evaluation``: cameras on which the threshold is set."""

    name: str
    sources: tuple[SourceRecipe, ...]
    objects: tuple[SourceRecipe, ...]
    evaluation: tuple[SourceRecipe, ...]
    teacher: TeacherRecipe
    schedule: ScheduleRecipe
    network: RegionNetRecipe = RegionNetRecipe()
    pairs: PairRecipe = PairRecipe()
    seed: int = 1
    classes: tuple[str, ...] = ROAD_USERS
    licence: str = ""
    notes: str = ""
    limits: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the card."""
        return asdict(self)


_TABLES: dict[str, type[Any]] = {
    "network": RegionNetRecipe,
    "pairs": PairRecipe,
    "teacher": TeacherRecipe,
    "schedule": ScheduleRecipe,
}
_SOURCES = {"source": "sources", "object": "objects", "evaluation": "evaluation"}


def load_regions_recipe(path: Path) -> RegionsRecipe:
    """Raises ``TrainingFailed`` (``recipe_invalid``)."""
    return read_regions_recipe(read_toml(path))


def read_regions_recipe(document: dict[str, Any]) -> RegionsRecipe:
    """Raises ``TrainingFailed`` (``recipe_invalid``), naming the field."""
    known = {*_TABLES, *_SOURCES, *_WORDS, "seed"}
    if unknown := sorted(set(document) - known):
        raise invalid("recipe", f"fields among {sorted(known)}", unknown)
    if missing := sorted({"name", "schedule", "teacher", "source", "evaluation"} - set(document)):
        raise invalid("recipe", "name, schedule, teacher, source and evaluation", f"no {missing}")
    given: dict[str, Any] = {
        name: read_table(kind, document[name], name)
        for name, kind in _TABLES.items()
        if name in document
    }
    for word, kind in (*((x, str) for x in _WORDS), ("seed", int)):
        if word in document and type(document[word]) is not kind:
            raise invalid(word, "a text" if kind is str else "a number", document[word])
        if word in document:
            given[word] = document[word]
    for table, name in _SOURCES.items():
        entries = document.get(table, [])
        if not isinstance(entries, list):
            raise invalid(table, f"tables [[{table}]]", entries)
        given[name] = tuple(
            read_table(SourceRecipe, x, f"{table}[{i}]") for i, x in enumerate(entries)
        )
    return _checked(RegionsRecipe(**given))


def _checked(recipe: RegionsRecipe) -> RegionsRecipe:
    net = recipe.network
    sides = (net.input_width, net.input_height, *recipe.pairs.part)
    if any(side % 8 for side in sides):
        raise invalid("network and pairs.part", "sides that are multiples of 8", sides)
    for source in (*recipe.sources, *recipe.evaluation):
        if source.format not in ("simulation", "stills"):
            raise invalid(
                source.name, 'cameras: format "simulation" or "stills" of videos', source.format
            )
    return recipe
