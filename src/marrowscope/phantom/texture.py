"""Textures: smooth noise, chromatin, granules. All (h, w) float32."""

import cv2
import numpy as np

from marrowscope.phantom.shapes import Field, Mask, Points, discs


def noise(
    shape: tuple[int, int], grain: float, microns_per_pixel: float, rng: np.random.Generator
) -> Field:
    """Smooth noise of mean 0 and standard deviation near 1; features are about ``grain`` µm."""
    rows, columns = (
        int(np.ceil(length * microns_per_pixel / max(grain, 0.05))) + 3 for length in shape
    )
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    # Interpolation between independent nodes loses about a third of the amplitude.
    smooth: Field = cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC) * np.float32(1.4)
    return smooth


def chromatin(
    depth: Field,
    centre: tuple[float, float],
    grain: float,
    contrast: float,
    clumping: float,
    rim: float,
    spokes: float,
    microns_per_pixel: float,
    rng: np.random.Generator,
) -> Field:
    """Relative density of a nucleus, mean near 1.

    Args:
        depth: signed distance inside the nucleus, µm.
        centre: of the nucleus, (x, y) px.
        grain, contrast, clumping, rim, spokes: see ``appearance.Nucleus``.
        microns_per_pixel: pixel size.
        rng: stream of the cell.
    """
    shape = depth.shape[0], depth.shape[1]
    pattern = noise(shape, grain, microns_per_pixel, rng)
    pattern += 0.45 * noise(shape, grain * 0.4, microns_per_pixel, rng)
    phase, count = rng.uniform(0, 2 * np.pi), int(rng.integers(7, 10))
    if spokes > 0:
        y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
        angle = np.arctan2(y - np.float32(centre[1]), x - np.float32(centre[0]))
        wheel = np.cos(count * angle + np.float32(phase) + 0.5 * pattern)
        outer = np.clip(1.3 - depth / 1.6, 0.0, 1.0)
        pattern += (1.5 * spokes) * wheel * outer
    if clumping > 0:
        pattern = (1 - clumping) * pattern + clumping * 1.3 * np.tanh(2.5 * pattern)
    density: Field = 1.0 + contrast * pattern
    density += rim * np.exp(-np.maximum(depth, 0) * (1 / 0.35))
    return np.maximum(density, 0.15)


def scatter(
    allowed: Mask,
    count: int,
    radius: float,
    microns_per_pixel: float,
    rng: np.random.Generator,
    spread: float = 0.25,
) -> Field:
    """Up to ``count`` discs with centres in ``allowed``; radius in µm; values in [0, 1]."""
    places = random_places(allowed.shape, count, rng)
    radii = np.maximum(radius * (1 + spread * rng.standard_normal(count)), 0.4 * radius)
    values = rng.uniform(0.45, 1.0, size=count)
    columns, rows = places.astype(np.int64).T
    keep = allowed[rows, columns]
    return discs(
        (allowed.shape[0], allowed.shape[1]),
        places[keep],
        radii[keep] / microns_per_pixel,
        values[keep],
    )


def random_places(shape: tuple[int, ...], count: int, rng: np.random.Generator) -> Points:
    """Points (count, 2) as (x, y) px, uniform over an image."""
    places: Points = rng.random((count, 2)) * (shape[1] - 1e-6, shape[0] - 1e-6)
    return places
