"""Checks what an operator gives as a camera's source, before anything opens it."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args
from urllib.parse import quote, unquote

from django.utils.translation import gettext as _

from models_registry.errors import Refused
from sensing.causes import cause_words
from sensing.directories import video_dirs
from sensing.simulation import SimulationInvalid, parse_simulation_url
from sensing.worker.addresses import NETWORK_SCHEMES, check_location, split_credentials
from sensing.worker.errors import StreamUnavailable
from sensing.worker.plan import SourceKind, SourceSpec

MAX_URL_LENGTH = 1000
MAX_SECRET_LENGTH = 200
MAX_USB_NUMBER = 63
# Some cameras take credentials nowhere but in the path or the query of their address.
NAMED_CREDENTIAL = re.compile(
    r"(?i)(?<=[?&/;])(?P<name>user|username|usr|login|loginuse|"
    r"(?P<secret>password|passwd|pass|pwd|psw|loginpas))=(?P<value>[^&;/#]+)"
)


def checked_source(
    *, kind: str, url: str, username: str = "", password: str = "", loop: bool = True
) -> SourceSpec:
    """The source as it may be stored and opened; credentials in the URL become fields.

    Raises ``Refused`` naming the field.
    """
    if kind not in get_args(SourceKind):
        raise Refused(
            "kind",
            _("Expected one of %(kinds)s, got “%(kind)s”.")
            % {"kinds": ", ".join(get_args(SourceKind)), "kind": kind},
            "kind",
        )
    source_kind = cast(SourceKind, kind)
    url = _text(url, "url", MAX_URL_LENGTH).strip()
    username = _text(username, "username", MAX_SECRET_LENGTH)
    password = _text(password, "password", MAX_SECRET_LENGTH)
    if not url:
        raise Refused("required", _("Give the camera's address."), "url")
    if kind in NETWORK_SCHEMES:
        for split in (split_credentials, split_named_credentials):
            url, url_username, url_password = split(url)
            username, password = username or url_username, password or url_password
    _check_location(source_kind, url)
    if kind == "file":
        url = _checked_file(url)
    elif kind == "usb":
        url = _checked_device(url)
    elif kind == "sim":
        try:
            parse_simulation_url(url)
        except SimulationInvalid as error:
            raise Refused("simulation", str(error), "url") from error
    return SourceSpec(source_kind, url, loop, username, password)


def split_named_credentials(url: str) -> tuple[str, str, str]:
    """(URL with {username} and {password} in their places, user name, password)."""
    found = {"username": "", "password": ""}

    def hide(match: re.Match[str]) -> str:
        field = "password" if match["secret"] else "username"
        if match["value"] != f"{{{field}}}":
            found[field] = unquote(match["value"])
        return f"{match['name']}={{{field}}}"

    return NAMED_CREDENTIAL.sub(hide, url), found["username"], found["password"]


def filled(source: SourceSpec) -> SourceSpec:
    """The source as it is opened: with the credentials that its address has places for."""
    location = source.location
    if source.kind in NETWORK_SCHEMES:
        for field in ("username", "password"):
            value = quote(getattr(source, field), safe="")
            location = location.replace(f"{{{field}}}", value)
    return replace(source, location=location)


def allowed_files() -> list[str]:
    """The video files that a camera may name, for lists to choose from."""
    return sorted(
        str(path)
        for folder in video_dirs()
        if folder.is_dir()
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".")
    )


def _check_location(kind: SourceKind, url: str) -> None:
    try:
        check_location(kind, url)
    except StreamUnavailable as error:
        message, what_to_do = cause_words(error.code)
        raise Refused(error.code, f"{message} {what_to_do} ({error.detail})", "url") from error


def _checked_file(url: str) -> str:
    # Compared without following links: a link in a folder of videos was put there by someone who
    # may write to that folder, and this is how recordings from elsewhere are offered.
    folders = [Path(os.path.normpath(folder)) for folder in video_dirs()]
    path = Path(os.path.normpath(folders[0] / url)) if folders else Path(url)
    if not any(folder in path.parents for folder in folders):
        raise Refused(
            "file_place",
            _("Video files must lie in one of these folders: %(folders)s")
            % {"folders": ", ".join(map(str, folders))},
            "url",
        )
    try:
        exists = path.is_file()
    except OSError:  # such as a name longer than the file system allows
        exists = False
    if not exists:
        raise Refused("file_missing", _("There is no file %(path)s.") % {"path": path}, "url")
    return str(path)


def _checked_device(url: str) -> str:
    number = url.removeprefix("/dev/video")
    if not re.fullmatch(r"[0-9]{1,2}", number) or int(number) > MAX_USB_NUMBER:
        raise Refused("device", _("Expected a device such as 0 or /dev/video0."), "url")
    return str(int(number)) if number == url else f"/dev/video{int(number)}"


def _text(value: object, field: str, most: int) -> str:
    if not isinstance(value, str) or "\x00" in value or "\n" in value or "\r" in value:
        raise Refused("text", _("Expected one line of text."), field)
    if len(value) > most:
        raise Refused(
            "too_long", _("Expected at most %(most)d characters.") % {"most": most}, field
        )
    return value
