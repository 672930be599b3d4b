"""What a ``sim://`` URL asks for, read and checked once."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

Kind = Literal["road", "plaza"]
Weather = Literal["clear", "rain", "snow", "fog"]
TimeOfDay = Literal["day", "dusk", "night"]

KINDS: tuple[Kind, ...] = ("road", "plaza")
MAX_FRAMES = 60_000


class SimulationInvalid(ValueError):
    """A simulation URL was refused: ``where``, what was ``expected`` and what was ``got``."""

    def __init__(self, where: str, expected: str, got: str) -> None:
        self.where, self.expected, self.got = where, expected, got
        super().__init__(f"{where}: expected {expected}, got {got}")


@dataclass(frozen=True, slots=True)
class SimulationSpec:
    """One simulated camera. Two equal specs render the same clip, bit for bit of truth."""

    kind: Kind
    seed: int = 1
    duration_s: float = 72.0
    fps: float = 12.5
    width: int = 640
    height: int = 360
    weather: Weather = "clear"
    time: TimeOfDay = "day"
    flow: float = 700.0
    """Vehicles per hour in both directions together (road), persons per minute (plaza)."""
    speed_limit_kmh: float = 50.0
    stop_and_go: bool = False
    noise: float = 2.0
    """Standard deviation of the camera's noise by day, in grey levels of 255; more in the dark."""
    loop: bool = True
    """The end of the clip continues at its beginning."""

    @property
    def frames(self) -> int:
        return max(1, round(self.duration_s * self.fps))

    def as_document(self) -> dict[str, Any]:
        return asdict(self)


def demo_urls() -> tuple[str, str]:
    """The two cameras that a first start registers."""
    return "sim://road?seed=9", "sim://plaza?seed=25"


def parse_simulation_url(url: str) -> SimulationSpec:
    """Read ``sim://road?…`` or ``sim://plaza?…``; raises ``SimulationInvalid``."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:  # such as an opening bracket without its closing one
        raise SimulationInvalid("URL", "sim://road or sim://plaza", repr(url)) from None
    if parts.scheme != "sim":
        raise SimulationInvalid("URL", "sim://road or sim://plaza", repr(url))
    if parts.netloc not in KINDS or parts.path not in ("", "/") or parts.fragment:
        raise SimulationInvalid("URL", "sim://road or sim://plaza, then ?name=value", repr(url))
    kind = parts.netloc
    values: dict[str, Any] = {}
    try:
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise SimulationInvalid("URL", "name=value pairs joined by &", repr(parts.query)) from None
    readers = _PARAMETERS[kind]
    for name, text in pairs:
        if name not in readers:
            raise SimulationInvalid("parameter", f"one of {', '.join(readers)}", repr(name))
        field_name, read = readers[name]
        if field_name in values:
            raise SimulationInvalid(name, "one value", "it twice")
        values[field_name] = read(name, text)
    values.setdefault("flow", 700.0 if kind == "road" else 14.0)
    return _whole(SimulationSpec(kind=kind, **values))


def _whole(spec: SimulationSpec) -> SimulationSpec:
    """Rules that concern several parameters at once."""
    if spec.frames > MAX_FRAMES:
        raise SimulationInvalid("duration", f"at most {MAX_FRAMES} frames", f"{spec.frames} frames")
    if spec.stop_and_go and spec.flow > 1200:
        # A signal that is red for 40 % of the time passes no more than this for ever.
        raise SimulationInvalid(
            "flow", "at most 1200 vehicles per hour with stop_and_go", f"{spec.flow:g}"
        )
    return spec


Reader = Callable[[str, str], Any]


def _number(low: float, high: float) -> Reader:
    def read(name: str, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise SimulationInvalid(name, f"a number from {low:g} to {high:g}", repr(text))
        return value

    return read


def _integer(low: int, high: int, *, even: bool = False) -> Reader:
    def read(name: str, text: str) -> int:
        value = int(text) if re.fullmatch(r"[0-9]{1,10}", text) else -1
        if not low <= value <= high or (even and value % 2):
            raise SimulationInvalid(
                name,
                f"an {'even' if even else ''} integer from {low} to {high}".replace("  ", " "),
                repr(text),
            )
        return value

    return read


def _choice(*allowed: str) -> Reader:
    def read(name: str, text: str) -> str:
        if text not in allowed:
            raise SimulationInvalid(name, f"one of {', '.join(allowed)}", repr(text))
        return text

    return read


def _flag(name: str, text: str) -> bool:
    if text not in ("0", "1"):
        raise SimulationInvalid(name, "0 or 1", repr(text))
    return text == "1"


_COMMON: dict[str, tuple[str, Reader]] = {
    "seed": ("seed", _integer(0, 2**32 - 1)),
    "duration": ("duration_s", _number(4, 3600)),
    "fps": ("fps", _number(2, 30)),
    "width": ("width", _integer(160, 1920, even=True)),
    "height": ("height", _integer(90, 1080, even=True)),
    "weather": ("weather", _choice("clear", "rain", "snow", "fog")),
    "time": ("time", _choice("day", "dusk", "night")),
    "noise": ("noise", _number(0, 20)),
    "loop": ("loop", _flag),
}
_PARAMETERS: Mapping[Kind, Mapping[str, tuple[str, Reader]]] = {
    "road": _COMMON
    | {
        "flow": ("flow", _number(0, 2000)),
        "speed_limit": ("speed_limit_kmh", _number(20, 130)),
        "stop_and_go": ("stop_and_go", _flag),
    },
    "plaza": _COMMON | {"flow": ("flow", _number(0, 40))},
}
