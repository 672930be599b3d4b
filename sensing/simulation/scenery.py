"""The motionless part of a scene: what each pixel shows, where it is, and how it is lit.

Surfaces are painted far before near into albedo, position and normal; light is added afterwards
(deferred shading), so that one scene serves every hour and weather.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from sensing.simulation.camera import PerspectiveCamera
from sensing.simulation.lighting import Lighting
from sensing.simulation.paths import Floats
from sensing.simulation.sprites import Picture, bounds_of
from sensing.simulation.textures import Grid, noise_tile, sample

SCALE = 2
"""Scenery is painted this much larger than the picture and then shrunk."""
Surface = Callable[[Grid, Grid, Grid], Grid]
"""(u metres, v metres, size of a pixel in metres) → (…, 3) albedo."""


class Scenery:
    """Buffers of one view, (H·SCALE, W·SCALE)."""

    def __init__(self, camera: PerspectiveCamera) -> None:
        self.camera = camera
        height, width = camera.height * SCALE, camera.width * SCALE
        x, y = np.meshgrid(
            (np.arange(width) + 0.5) / SCALE - camera.width / 2,
            (np.arange(height) + 0.5) / SCALE - camera.height / 2,
        )
        sight = np.stack([x / camera.focal_px, y / camera.focal_px, np.ones_like(x)], axis=-1)
        self.rays = (sight @ camera.rotation).astype(np.float32)
        self.rays /= np.linalg.norm(self.rays, axis=-1, keepdims=True)
        shape = (height, width)
        self.albedo = np.zeros((*shape, 3), np.float32)
        self.normal = np.zeros((*shape, 3), np.float32)
        self.distance = np.full(shape, np.inf, np.float32)
        self.glow = np.zeros((*shape, 3), np.float32)
        """Light that a surface gives off by itself, 0–1."""
        self.shade = np.zeros(shape, np.float32)
        """Share of the sun's light that something else takes away."""
        self.gloss = np.zeros(shape, np.float32)
        """How much of a surface can be a puddle when it is wet."""
        self.standing = np.zeros(shape, bool)
        """Pixels of things that stand on the ground and can hide what walks behind them."""

    @property
    def position(self) -> Grid:
        near = np.where(np.isfinite(self.distance), self.distance, 0.0)
        eye = self.camera.position.astype(np.float32)
        where: Grid = eye + self.rays * near[..., None]
        return where

    def ground(self, surface: Surface, gloss: float = 0.5) -> None:
        """Cover everything below the horizon."""
        down = -self.rays[..., 2]
        below = down > 0.004
        distance = np.where(below, self.camera.height_m / np.maximum(down, 1e-6), np.inf)
        distance = distance.astype(np.float32)
        x = self.camera.x_m + self.rays[..., 0] * np.where(below, distance, 0)
        y = self.rays[..., 1] * np.where(below, distance, 0)
        # Along the line of sight a pixel covers more ground than across it.
        pixel = np.where(below, distance**2 / (self.camera.focal_px * self.camera.height_m), 1.0)
        colours = surface(
            x.astype(np.float32), y.astype(np.float32), (pixel / SCALE).astype(np.float32)
        )
        self.albedo[below] = colours[below]
        self.normal[below] = (0.0, 0.0, 1.0)
        self.distance[below] = distance[below]
        self.gloss[below] = gloss

    def wall(
        self,
        corner: tuple[float, float],
        end: tuple[float, float],
        z: tuple[float, float],
        surface: Surface,
        glow: Surface | None = None,
    ) -> None:
        """An upright rectangle over a line on the ground; u runs along it, v is the height."""
        along = np.array([end[0] - corner[0], end[1] - corner[1], 0.0])
        length = float(np.linalg.norm(along))
        along /= length
        normal = np.array([along[1], -along[0], 0.0])
        eye = self.camera.position
        offset = np.array([*corner, 0.0]) - eye
        if float(normal @ -offset) < 0:
            normal = -normal
        self._plane(
            np.array([*corner, 0.0]),
            normal,
            along,
            u_range=(0.0, length),
            v_range=z,
            surface=surface,
            glow=glow,
        )

    def box(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        z: tuple[float, float],
        side: Surface,
        top: Surface,
    ) -> None:
        """An upright block: the walls that face the camera, and its top."""
        (x0, x1), (y0, y1) = x, y
        eye_x = self.camera.x_m
        if eye_x < x0:
            self.wall((x0, y0), (x0, y1), z, side)
        if eye_x > x1:
            self.wall((x1, y0), (x1, y1), z, side)
        self.wall((x0, y0), (x1, y0), z, side)
        self._plane(
            np.array([x0, 0.0, z[1]]),
            np.array([0.0, 0.0, 1.0]),
            np.array([1.0, 0.0, 0.0]),
            u_range=(0.0, x1 - x0),
            v_range=(y0, y1),
            surface=top,
        )

    def _plane(
        self,
        origin: Floats,
        normal: Floats,
        along: Floats,
        *,
        u_range: tuple[float, float],
        v_range: tuple[float, float],
        surface: Surface,
        glow: Surface | None = None,
    ) -> None:
        """Paint a rectangle spanned by ``along`` and the direction at right angles to it."""
        flat = bool(normal[2] > 0.5)
        across = np.array([0.0, 1.0, 0.0]) if flat else np.array([0.0, 0.0, 1.0])
        start = origin * (1.0, 0.0 if flat else 1.0, 1.0 if flat else 0.0)
        corners = start + [along * u + across * v for u in u_range for v in v_range]
        window = self._window(corners)
        if window is None:
            return
        rays, near = self.rays[window], self.distance[window]
        eye = self.camera.position
        slant = rays @ normal.astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.float32((origin - eye) @ normal) / slant
            u = (rays @ along.astype(np.float32)) * distance + np.float32((eye - start) @ along)
            v = (rays @ across.astype(np.float32)) * distance + np.float32((eye - start) @ across)
            hit = (distance > 0) & (distance < near + 0.02)
        hit &= (u >= u_range[0]) & (u <= u_range[1]) & (v >= v_range[0]) & (v <= v_range[1])
        if not hit.any():
            return
        pixel = distance[hit] / (self.camera.focal_px * SCALE * np.maximum(-slant[hit], 0.08))
        self.albedo[window][hit] = surface(u[hit], v[hit], pixel)
        self.glow[window][hit] = 0.0 if glow is None else glow(u[hit], v[hit], pixel)
        self.normal[window][hit] = normal
        self.distance[window][hit] = distance[hit]
        self.shade[window][hit] = 0.0
        self.gloss[window][hit] = 0.0
        self.standing[window][hit] = True

    def _window(self, corners: Floats) -> tuple[slice, slice] | None:
        """The rows and columns in which a flat shape can show; None if it cannot."""
        pixels, depth = self.camera.project(corners)
        height, width = self.distance.shape
        if depth.max() < 0:
            return None
        if depth.min() < 1.0:
            return slice(0, height), slice(0, width)
        bounds = bounds_of(pixels * SCALE, width, height, 2)
        if bounds is None:
            return None
        left, top, right, bottom = bounds
        return slice(top, bottom), slice(left, right)

    def leaves(self, blobs: Floats, colours: Floats) -> None:
        """Foliage: (N, 4) blobs x, y, z, radius in metres, with their (N, 3) albedo."""
        centre = blobs[:, :3].mean(axis=0)

        pixels, depth = self.camera.project(blobs[:, :3])
        away = np.linalg.norm(blobs[:, :3] - self.camera.position, axis=1)
        order = np.argsort(-away)
        out = blobs[:, :3] - centre
        out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 0.3)
        normals = np.clip(out * 0.8 + (0.0, 0.0, 0.45), -1, 1)
        which: NDArray[np.int32] = np.zeros(self.distance.shape, np.int32)
        radii = blobs[:, 3] / np.maximum(depth, 1.0) * self.camera.focal_px * SCALE * 8
        at = np.rint(np.clip(pixels * SCALE, -4000, 4000) * 8).astype(int).tolist()
        for i in order[depth[order] > 2].tolist():
            cv2.circle(which, at[i], max(4, round(radii[i])), i + 1, -1, cv2.LINE_8, 3)
        hit = which > 0
        leaf = which[hit] - 1
        self.albedo[hit] = colours[leaf]
        self.normal[hit] = normals[leaf]
        self.distance[hit] = away[leaf]
        self.standing[hit] = True
        for layer in (self.shade, self.gloss, self.glow):
            layer[hit] = 0.0

    def post(
        self, foot: tuple[float, float], height_m: float, width_m: float, albedo: float = 0.16
    ) -> None:
        """A round post or trunk."""
        x, y = foot
        points = np.array([[x, y, 0.0], [x, y, height_m]])
        self.bar(points, width_m, (albedo, albedo, albedo))

    def bar(self, ends: Floats, width_m: float, albedo: tuple[float, float, float]) -> None:
        """A straight round bar between two points (2, 3)."""
        pixels, depth = self.camera.project(ends)
        if depth.min() < 1:
            return
        a, b = (np.rint(pixels * SCALE * 8).astype(np.int32)).tolist()
        width = max(1, round(width_m / float(depth.mean()) * self.camera.focal_px * SCALE))
        mask: Picture = np.zeros(self.distance.shape, np.uint8)
        cv2.line(mask, a, b, 255.0, width, cv2.LINE_8, 3)
        hit = mask > 0
        self.albedo[hit] = albedo
        self.normal[hit] = (-0.45, -0.55, 0.4)
        self.distance[hit] = float(np.linalg.norm(ends.mean(axis=0) - self.camera.position))
        self.shade[hit] = 0.0
        self.gloss[hit] = 0.0
        self.glow[hit] = 0.0
        self.standing[hit] = True

    def cast(self, shapes: Floats, light: Lighting, share: float = 1.0) -> None:
        """Shadows on the ground: (S, N, 3) metres, S shapes of N corners with convex shadows."""
        reach = shapes[..., 2:] * (light.to_sun[:2] / light.to_sun[2])
        cast = np.concatenate([shapes[..., :2] - reach, np.zeros_like(reach[..., :1])], axis=-1)
        pixels, depth = self.camera.project(cast)
        pixels = pixels[depth.min(axis=1) > 1] * SCALE
        height, width = self.distance.shape
        blur = max(0.8, light.blur_px * SCALE)
        bounds = bounds_of(pixels.reshape(-1, 2), width, height, 3 * math.ceil(blur))
        if bounds is None:
            return
        left, top, right, bottom = bounds
        mask: Picture = np.zeros((bottom - top, right - left), np.uint8)
        for corners in np.rint(np.clip(pixels - (left, top), -9000, 9000) * 8).astype(np.int32):
            cv2.fillConvexPoly(mask, cv2.convexHull(corners), 255.0, cv2.LINE_AA, 3)
        cv2.GaussianBlur(mask, (0, 0), blur, dst=mask)
        part = self.shade[top:bottom, left:right]
        on_ground = self.normal[top:bottom, left:right, 2] > 0.9
        part[on_ground] = np.maximum(part, mask / np.float32(255) * share)[on_ground]

    def develop(self, light: Lighting) -> Picture:
        """(H, W, 3) BGR as the camera sees it, before vignette and noise."""
        height, width = self.distance.shape
        position = self.position
        flat = (height * width, 3)
        albedo = self._weathered(position, light)
        lit = light.shade(
            albedo.reshape(flat),
            self.normal.reshape(flat),
            position.reshape(flat),
            1.0 - self.shade.reshape(-1) * min(1.0, light.shadow * 1.7),
        ).reshape(height, width, 3)
        lit += 235.0 * self.glow * (1.0 if light.lamps else 0.0)
        if light.wet:
            lit = self._mirror(lit, position, light)
        near = np.where(np.isfinite(self.distance), self.distance, 400.0)[..., None]
        seen = light.through_air(lit, near)
        sky = ~np.isfinite(self.distance)
        if sky.any():
            seen[sky] = self._sky(light)[sky]
        small = cv2.resize(
            seen.astype(np.float32), (self.camera.width, self.camera.height),
            interpolation=cv2.INTER_AREA,
        )  # fmt: skip
        small = cv2.GaussianBlur(small, (0, 0), 0.45)
        return np.clip(small, 0, 255).astype(np.uint8)

    def _weathered(self, position: Grid, light: Lighting) -> Grid:
        """Snow lies on what faces up and is not driven on; a wet surface is darker."""
        albedo = self.albedo
        if light.wet:
            albedo = albedo * (1.0 - 0.38 * self.gloss[..., None])
        if light.white > 0:
            up = np.clip(self.normal[..., 2], 0, 1)
            patches = sample(noise_tile(31), position[..., 0], position[..., 1], 9.0)
            cover = light.white * up * np.clip(1.35 - 2.5 * self.gloss + 0.09 * patches, 0, 1)
            snow = np.array([0.86, 0.84, 0.82], np.float32)
            albedo = albedo * (1 - cover[..., None]) + snow * cover[..., None]
        return np.asarray(albedo, dtype=np.float32)

    def _mirror(self, lit: Floats, position: Grid, light: Lighting) -> Floats:
        """A film of water: grazing sight sees the sky and, smeared, what stands behind."""
        grazing = np.clip(1.0 + self.rays[..., 2], 0, 1) ** 3
        puddles = sample(noise_tile(17), position[..., 0], position[..., 1], 14.0)
        share = self.gloss * (0.16 + 0.5 * grazing) * np.clip(0.75 + 0.45 * puddles, 0.25, 1.5)
        smeared = cv2.blur(lit.astype(np.float32), (9, 121))
        seen = 0.55 * light.horizon + 0.45 * smeared
        mixed: Floats = lit * (1 - share[..., None]) + seen * share[..., None]
        return mixed

    def _sky(self, light: Lighting) -> Grid:
        up = np.clip(self.rays[..., 2] * 3.0, 0, 1)[..., None]
        clouds = sample(noise_tile(5), self.rays[..., 0] * 40, self.rays[..., 2] * 110, 30.0)
        sky: Grid = light.horizon * (1 - up) + light.zenith * up
        white = np.clip(clouds * 0.25, 0, 0.35)[..., None]
        return np.asarray(sky * (1 - white) + light.horizon * 1.08 * white, dtype=np.float32)

    def stands_before(self) -> NDArray[np.float32]:
        """(H, W) distance of standing things at the picture's size; infinite elsewhere."""
        standing = np.where(self.standing, self.distance, np.inf).astype(np.float32)
        return standing[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE]
