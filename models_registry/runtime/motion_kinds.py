"""What a moving thing probably is, by its size and shape against the ordinary, and how surely."""

from __future__ import annotations

from models_registry.runtime.motion_memory import Thing
from models_registry.runtime.motion_scale import SizeScale

VEHICLES = ("bicycle", "motorcycle", "car", "bus", "truck")
LARGE_AREA = 2.3  # times the area of an ordinary vehicle: longer and taller than a van
SMALL_AREA = 0.4


class Kinds:
    """Classes of one camera's things; ``allowed`` is what its modules look at."""

    def __init__(self, allowed: tuple[str, ...], scale: SizeScale, picture_width: int) -> None:
        self._allowed = frozenset(allowed)
        self._vehicles = [name for name in VEHICLES if name in self._allowed]
        self._scale = scale
        self._picture_width = picture_width

    def of(self, thing: Thing) -> str:
        """The class of a thing by this sighting alone; the tracker votes over all of them."""
        if not self._vehicles:
            return "person"
        width, height = thing.size.tolist()
        typical = self._scale.typical(float(thing.centre[1]))
        if "person" in self._allowed and self._like_person(width, height, typical):
            return "person"
        return self._vehicle(width, height, typical)

    def _like_person(
        self, width: float, height: float, typical: tuple[float, float] | None
    ) -> bool:
        if height < 1.4 * width:
            return False
        if typical is None:
            return height >= 1.9 * width and width < 0.12 * self._picture_width
        ordinary_is_tall = typical[1] >= 1.6 * typical[0]
        return ordinary_is_tall or width * height < SMALL_AREA * typical[0] * typical[1]

    def _vehicle(self, width: float, height: float, typical: tuple[float, float] | None) -> str:
        wanted = "car"
        if typical is not None:
            area = width * height / (typical[0] * typical[1])
            if area > LARGE_AREA and height > 1.3 * typical[1]:
                wanted = "truck"
            elif area < SMALL_AREA and width < 0.6 * typical[0]:
                wanted = "motorcycle"
        if wanted in self._allowed:
            return wanted
        order = {"truck": ("bus", "car"), "motorcycle": ("bicycle", "car")}.get(wanted, ())
        return next((name for name in order if name in self._allowed), self._vehicles[0])

    def confidence(self, thing: Thing) -> float:
        """0–0.95: has it travelled, how long is it known, is it solid, is its size plausible."""
        travelled = min(thing.travelled / 0.6, 1.0)
        known = min((thing.hits - 1) / 4.0, 1.0)
        solid = min(max((thing.fill - 0.3) / 0.4, 0.0), 1.0)
        confidence = 0.15 + 0.40 * travelled + 0.15 * known + 0.15 * solid
        confidence += 0.10 * self._plausible(thing)
        if thing.at_border:
            confidence -= 0.10
        return min(max(confidence, 0.0), 0.95)

    def _plausible(self, thing: Thing) -> float:
        typical = self._scale.typical(float(thing.centre[1]))
        if typical is None:
            return 0.5
        width, height = thing.size.tolist()
        ratio = width * height / (typical[0] * typical[1])
        return 1.0 if 0.3 <= ratio <= 6.0 else 0.0
