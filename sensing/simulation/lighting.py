"""Light and air of a scene, from the time of day and the weather."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sensing.simulation.paths import Floats
from sensing.simulation.spec import SimulationSpec

TONE = 0.60
"""Exponent of the camera's tone curve, from light to grey levels."""
LAMP_POWER = 46.0
LAMP_COLOUR = np.array([0.46, 0.72, 0.94])


@dataclass(frozen=True)
class Lighting:
    """Colours are BGR factors on albedo; light 1 on albedo 1 is as bright as the picture gets."""

    to_sun: Floats
    """Unit vector from the ground towards the sun."""
    sun: Floats
    sky: Floats
    """Light from the sky on a surface that faces up; faces that look down see ``bounce``."""
    bounce: Floats
    zenith: Floats
    horizon: Floats
    """Colours of the sky itself, BGR 0–255."""
    shadow: float
    """How much darker full shadow on the ground is, 0–1."""
    blur_px: float
    lamps: bool
    haze_per_m: float
    haze: Floats
    wet: bool = False
    white: float = 0.0
    """Share of open ground covered with snow."""
    noise_gain: float = 1.0
    street_lamps: tuple[tuple[float, float, float], ...] = ()
    """Where the lanterns hang, metres."""

    def shade(
        self,
        albedo: Floats,
        normals: Floats,
        points: Floats,
        sunlit: Floats | float = 1.0,
    ) -> Floats:
        """(N, 3) BGR 0–255 of matt surfaces: (N, 3) albedo 0–1, unit normals, positions in metres;
        ``sunlit`` is the share of the sun that reaches each, by default all of it."""
        up = 0.5 + 0.5 * normals[:, 2:3]
        direct = np.maximum(normals @ self.to_sun, 0.0) * sunlit
        light = self.sky * up + self.bounce * (1 - up) + self.sun * direct[:, None]
        for lamp in self.street_lamps if self.lamps else ():
            light = light + self._lamp_light(np.array(lamp), normals, points)
        shaded: Floats = 255.0 * np.maximum(albedo * light, 0.0) ** TONE
        return shaded

    def _lamp_light(self, lamp: Floats, normals: Floats, points: Floats) -> Floats:
        """A lantern that shines downwards in a wide cone: I·cos(out)·cos(in)/r²."""
        way = lamp - points
        square = np.sum(way * way, axis=1) + 0.25
        length = np.sqrt(square)
        leaves = np.clip(way[:, 2] / length, 0.0, 1.0)
        meets = np.clip(np.sum(way * normals, axis=1) / length, 0.0, 1.0)
        light: Floats = (LAMP_POWER * leaves * meets / square)[:, None] * LAMP_COLOUR
        return light

    def through_air(self, colours: Floats, distance_m: Floats | float) -> Floats:
        """Colours seen through haze (Koschmieder: exp(−βd) of the contrast is left)."""
        left = np.exp(-self.haze_per_m * np.asarray(distance_m, dtype=np.float64))
        seen: Floats = colours * left + self.haze * (1.0 - left)
        return seen


def _bgr(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def _unit(x: float, y: float, z: float) -> Floats:
    vector = _bgr(x, y, z)
    unit: Floats = vector / np.linalg.norm(vector)
    return unit


_DAY = Lighting(
    to_sun=_unit(0.60, -0.42, 1.10),
    sun=_bgr(0.84, 0.96, 1.04),
    sky=_bgr(0.46, 0.40, 0.37),
    bounce=_bgr(0.24, 0.25, 0.25),
    zenith=_bgr(208, 172, 134),
    horizon=_bgr(226, 218, 208),
    shadow=0.50,
    blur_px=1.2,
    lamps=False,
    haze_per_m=0.0012,
    haze=_bgr(214, 208, 198),
)
_DUSK = Lighting(
    to_sun=_unit(-0.85, 0.35, 0.42),
    sun=_bgr(0.16, 0.30, 0.50),
    sky=_bgr(0.46, 0.36, 0.32),
    bounce=_bgr(0.16, 0.15, 0.16),
    zenith=_bgr(128, 92, 82),
    horizon=_bgr(132, 158, 214),
    shadow=0.26,
    blur_px=2.4,
    lamps=True,
    haze_per_m=0.002,
    haze=_bgr(126, 128, 146),
    noise_gain=1.5,
)
_NIGHT = Lighting(
    to_sun=_unit(0.2, 0.1, 1.0),
    sun=_bgr(0.0, 0.0, 0.0),
    sky=_bgr(0.16, 0.13, 0.11),
    bounce=_bgr(0.045, 0.045, 0.045),
    zenith=_bgr(34, 24, 20),
    horizon=_bgr(46, 40, 44),
    shadow=0.22,
    blur_px=3.0,
    lamps=True,
    haze_per_m=0.0025,
    haze=_bgr(30, 28, 28),
    noise_gain=2.2,
)


def lighting_of(spec: SimulationSpec) -> Lighting:
    light = {"day": _DAY, "dusk": _DUSK, "night": _NIGHT}[spec.time]
    if spec.weather == "clear":
        return light
    grey = light.haze.mean() * _bgr(1.03, 1.0, 0.98)
    # Cloud spreads the sun's light over the whole sky: less contrast, hardly a shadow.
    cloudy = replace(
        light,
        sun=light.sun * 0.10,
        sky=light.sky + light.sun * 0.36,
        bounce=light.bounce * 0.95,
        zenith=0.35 * light.zenith + 0.65 * grey,
        horizon=0.3 * light.horizon + 0.7 * grey,
        shadow=0.22,
        blur_px=3.0,
        haze=grey,
    )
    if spec.weather == "rain":
        return replace(cloudy, sky=cloudy.sky * 0.86, haze_per_m=0.005, wet=True)
    if spec.weather == "snow":
        return replace(cloudy, haze_per_m=0.007, white=0.8, bounce=cloudy.bounce * 1.5)
    return replace(cloudy, haze_per_m=0.022, shadow=0.12)
