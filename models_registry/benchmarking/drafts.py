"""What label files say before their pictures have been looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

PICTURES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True)
class DraftBox:
    """Corners, in 0–1 or in pixels as ``Draft.pixels`` says; ``place``: file and line, in words."""

    class_name: str
    xyxy: tuple[float, float, float, float]
    crowd: bool
    place: str


@dataclass(frozen=True, slots=True)
class DraftPicture:
    """A picture by its name in the source, with the size that the labels state, if they do."""

    name: str
    boxes: tuple[DraftBox, ...]
    stated_size: tuple[int, int] | None = None


@dataclass(slots=True)
class Draft:
    """``class_names``: all that the set names; ``problems``: what makes it unusable, with places;
    ``left_out``: what is not used and why, by name of the file."""

    class_names: tuple[str, ...]
    pixels: bool
    pictures: list[DraftPicture] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def is_picture(name: str) -> bool:
    """By its suffix."""
    return PurePosixPath(name).suffix.lower() in PICTURES


def in_split(name: str, split: str) -> bool:
    """Whether a folder on the way to ``name`` is called ``split``, or none is asked for."""
    return not split or split in PurePosixPath(name).parts[:-1]
