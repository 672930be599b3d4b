"""What the registry needs of the gateway round it: pictures of cameras, recordings, counts.

The registry knows no cameras. Who has them hands them in at start (``provide``), so that packages
keep depending one way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.utils.translation import gettext as _

from models_registry.benchmarking.evaluation_set import LabelledBox
from models_registry.errors import Refused


@dataclass(frozen=True, slots=True)
class CameraChoice:
    """A camera as the registry sees it.

    ``recorded``: its pictures come from a file, so that another moment of it needs no waiting.
    ``must_blur``: its privacy setting lets out only blurred pictures. ``refusal``: why none at all.
    """

    pk: int
    name: str
    recorded: bool
    must_blur: bool = False
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class TrueStill:
    """A rendered picture and everything on it, exactly."""

    jpeg: bytes
    boxes: tuple[LabelledBox, ...]


class Surroundings(Protocol):
    """Everything here raises ``Refused`` in words for the operator."""

    counts_target: str
    """A sandbox target: ``model_path``, ``contract``, ``clip``, ``truth``, ``analysed_fps``."""

    def cameras(self) -> list[CameraChoice]:
        """All cameras."""
        ...

    def still(self, camera: int, share: float, *, blurred: bool = False) -> bytes:
        """A JPEG of now; of a recorded camera, the picture at ``share`` (0–1) of its recording.

        ``blurred``: the caller blurs it before anybody sees it or it is written anywhere.
        """
        ...

    def simulated_classes(self, url: str) -> tuple[str, ...]:
        """The classes that a ``sim://`` URL shows: a check of the URL."""
        ...

    def simulated_stills(self, url: str, count: int) -> Iterator[TrueStill]:
        """``count`` pictures spread over the clip."""
        ...

    def clips(self) -> list[str]:
        """Video files in the folders that cameras may read."""
        ...

    def clip(self, name: str) -> Path:
        """One of ``clips``."""
        ...

    def check_truth(self, truth: Any) -> None:
        """Whether a ground-truth document can be scored against."""
        ...


_provided: list[Callable[[], Surroundings]] = []


def provide(make: Callable[[], Surroundings]) -> None:
    """Called once at start by the package that has cameras."""
    _provided[:] = [make]


def surroundings() -> Surroundings:
    """Raises ``Refused`` where nobody provides any."""
    if not _provided:
        raise Refused("no_cameras", _("This program runs without cameras."))
    return _provided[0]()
