"""A recipe's TOML file, upon the one that it names as its ``base``: only what differs is said."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from models_registry.training.errors import TrainingFailed
from models_registry.training.fields import invalid


def read_toml(path: Path) -> dict[str, Any]:
    """The file's document. With ``base``, a file beside it: that one's, in whose tables this one's
    fields replace those of the same name, and whose ``[[lists]]`` this one's entries change or
    lengthen by ``name``. Raises ``TrainingFailed`` (``recipe_invalid``)."""
    return _upon_base(path, ())


def _upon_base(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    document = _parsed(path)
    if "base" not in document:
        return document
    name, chain = document.pop("base"), (*above, path.resolve())
    if not isinstance(name, str):
        raise invalid(f"{path.name}: base", "the name of a recipe's file", name)
    base = path.parent / name
    if base.resolve() in chain:
        raise invalid(f"{path.name}: base", "a recipe that does not build on this one", name)
    return _merged(_upon_base(base, chain), document)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors may mark it so
    except OSError as error:
        raise invalid(path.name, "a file that can be read", error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingFailed("recipe_invalid", f"{path.name}: expected TOML: {error}") from error


def _merged(base: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in document.items():
        before = base.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key] = {**before, **value}
        elif _named(before) and _named(value):
            entries = {x["name"]: x for x in base[key]}
            for entry in value:
                entries[entry["name"]] = {**entries.get(entry["name"], {}), **entry}
            merged[key] = list(entries.values())
        else:
            merged[key] = value
    return merged


def _named(value: object) -> bool:
    """A list of tables that all have a name."""
    return isinstance(value, list) and all(
        isinstance(x, dict) and isinstance(x.get("name"), str) for x in value
    )
