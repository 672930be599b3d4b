"""Reads the environment. A value that is nonsense is refused at start, naming what was expected."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})


def text(name: str, default: str) -> str:
    return os.environ.get(name, default).strip()


def boolean(name: str, default: bool) -> bool:
    raw = os.environ.get(name)
    if raw is None:
        return default
    if raw.strip().lower() in TRUE:
        return True
    if raw.strip().lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name}: expected 1 or 0 (true or false), got {raw!r}")


def words(name: str, default: list[str]) -> list[str]:
    raw = os.environ.get(name)
    if raw is None:
        return default
    return [word.strip() for word in raw.split(",") if word.strip()]


def folder(name: str, default: Path) -> Path:
    path = Path(os.environ.get(name) or default).expanduser().resolve()
    if path.exists() and not path.is_dir():
        raise ImproperlyConfigured(f"{name}: expected a folder, got the file {path}")
    return path


def time_zone(name: str, default: str) -> str:
    raw = text(name, default)
    try:
        ZoneInfo(raw)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ImproperlyConfigured(
            f"{name}: expected an IANA time zone such as Europe/Berlin, got {raw!r}"
        ) from error
    return raw


def url(name: str, schemes: tuple[str, ...]) -> str:
    """A URL, or '' when not set. The value may hold a password, so errors never print it."""
    raw = text(name, "")
    if raw and (urlsplit(raw).scheme not in schemes or not urlsplit(raw).netloc):
        expected = " or ".join(f"{scheme}://…" for scheme in schemes)
        raise ImproperlyConfigured(
            f"{name}: expected {expected}, got a URL that begins with {raw.split(':')[0]!r}"
        )
    return raw


def secret(variable: str, path: Path) -> str:
    """A secret from the environment, else from its file, which is made once with mode 600."""
    given = os.environ.get(variable)
    if given:
        if len(given) < 32:
            raise ImproperlyConfigured(
                f"{variable}: expected at least 32 characters, got {len(given)}"
            )
        return given
    try:
        if not path.exists():
            _write_once(path, secrets.token_urlsafe(48))
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"AISION_DATA_DIR: expected a folder that can be written to, got {path.parent.parent}"
            f" ({error.strerror})"
        ) from error


def _write_once(path: Path, value: str) -> None:
    # Two processes may start at once: link() keeps the first writer's value for both.
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(value)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)
