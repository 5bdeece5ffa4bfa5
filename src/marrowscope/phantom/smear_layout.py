"""The plan of a synthetic smear: its contour, its zones, and where cells can be judged.

A smear is a tongue along the longer side of the slide: thick at its start, a single layer in the
middle, feathered and full of crushed cells at its end. Tears, marrow particles, fat holes, a
blood-diluted side, pale and blurred patches lie in it. Lengths scale with the slide, cells do
not, so a small slide is a small drop.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.phantom.background import (
    Background,
    SmoothNoise,
    Window,
    classify_background,
    empty_background,
    grid_coordinates,
)
from marrowscope.phantom.shapes import Field

Polygon = NDArray[np.float64]  # (N, 2) x, y; closed by its first point

_EDGE = 0.05  # of the long side that stays empty before and after the smear
_HALF = 0.37  # half width of the smear, of the short side
_SINGLE, _THICKEST, _THINNEST = 0.42, 1.7, 0.16  # layers of red cells


@dataclass(frozen=True)
class SmearLayout:
    """A planned smear.

    Attributes:
        background: the maps.
        contour: outline in µm.
        tears: outlines of holes in µm.
    """

    background: Background
    contour: Polygon
    tears: tuple[Polygon, ...]


def lay_out_smear(
    width: float,
    height: float,
    cells_per_mm2: float,
    excluded: float,
    plasma: float,
    seed: int,
) -> SmearLayout:
    """Plan a smear.

    Args:
        width, height: of the slide in µm.
        cells_per_mm2: nucleated cells in the single-layer zone.
        excluded: share of smudges and artefacts there.
        plasma: concentration of the protein film.
        seed: of everything random.
    """
    rng = np.random.Generator(np.random.PCG64([seed, 0x53EA2]))
    long, short = max(width, height), min(width, height)
    background = empty_background((0.0, 0.0, width, height), max(long / 1000, 2.0))
    upright = height > width
    contour = _tongue(long, short, rng)
    if upright:
        contour = contour[:, ::-1]
    inside = signed_polygon_distance(background, contour)
    tears = tuple(
        _blob(_place_inside(background, inside, 0.06 * short, rng), size, 0.12, rng)
        for size in (short * rng.uniform(0.012, 0.035, int(rng.integers(2, 5)))).tolist()
    )
    torn = np.max([signed_polygon_distance(background, tear) for tear in tears], axis=0)
    x, y = grid_coordinates(background)
    along, across = (y, x) if upright else (x, y)
    t = np.clip((along / long - _EDGE) / (1 - 2 * _EDGE), 0, 1) + np.zeros_like(inside)
    grid = Window(0, 0, background.cells.shape[1], background.cells.shape[0])

    def smooth_noise(name: int, grain: float) -> Field:
        return SmoothNoise(seed, name).sample(grain, grid, background.step)

    t = t + 0.02 * smooth_noise(21, short / 6)
    lies = (inside > 0) & (torn < 0)
    # Cells lie with all or most of themselves on the film.
    holds = (inside > 5) & (torn < -5)
    red = np.interp(
        t, [0, 0.12, 0.34, 0.8, 1.0], [_THICKEST, _THICKEST, _SINGLE, _SINGLE * 0.8, _THINNEST]
    )
    red = red * np.clip(
        1 + 0.10 * smooth_noise(22, short / 8) + 0.06 * smooth_noise(23, 40.0), 0.5, 1.6
    )
    crushed = np.interp(t, [0.84, 0.92, 1.0], [excluded, 0.7, 0.9])
    dilution = _step(
        (across / short - 0.5) / _HALF + 0.05 * smooth_noise(24, short / 5), 0.55, 0.68
    )
    crowding = np.interp(t, [0, 0.3, 0.6, 1.0], [1.3, 1.0, 1.1, 0.7])
    crowding = crowding * np.clip(1 + 0.25 * smooth_noise(25, 90.0), 0.3, 2) * (1 - 0.93 * dilution)

    particle = np.zeros_like(inside)
    spill = np.zeros_like(inside)
    spots = []
    for _ in range(int(rng.integers(6, 11))):
        px, py = _place_inside(background, np.where(t > 0.4, inside, -1), 0.04 * short, rng)
        radius = float(np.clip(short * rng.uniform(0.015, 0.05), 12, 150))
        depth = radius - np.hypot(x - px, y - py) + 0.25 * radius * smooth_noise(26, radius / 2)
        particle = np.maximum(particle, np.clip(depth / 12 + 0.5, 0, 1))
        spill = np.maximum(spill, np.clip(1 + depth / radius, 0, 1))
        spots.append((px, py, radius))
    particle = np.where(lies, particle, 0)
    holes = _fat(spots, background, np.where(torn < 0, inside, -1), width * height, rng)

    defocus = _patches(background, inside, short, 3, rng)
    pale = _patches(background, inside, short, 2, rng)
    # The film is cut sharply at the contour and gathers there when it dries.
    rim = np.exp(-((np.minimum(inside, -torn) / max(0.006 * short, 4.0)) ** 2))
    film = np.where(lies, (plasma + 0.02) * (1 + 1.5 * rim), 0)
    near = np.clip(1 - particle * 20, 0, 1)
    background = replace(
        background,
        cells=np.where(holds, cells_per_mm2 * crowding * near * (1 + 0.5 * spill), 0).astype(
            np.float32
        ),
        red=np.where(holds & (particle < 0.3), red, 0).astype(np.float32),
        excluded=crushed.astype(np.float32),
        film=film.astype(np.float32),
        stain=((1 - 0.65 * pale) * np.interp(red, [0.8, 1.7], [1, 1.4])).astype(np.float32),
        defocus=(1.0 * defocus + 0.5 * particle).astype(np.float32),
        particle=particle.astype(np.float32),
        holes=holes,
    )
    reason = classify_background(background, 0.3 * cells_per_mm2, inside > 0, torn < 0)
    return SmearLayout(replace(background, reason=reason), contour, tears)


def signed_polygon_distance(background: Background, polygon: Polygon) -> Field:
    """Signed distance in µm to a polygon at the grid points, positive inside."""
    rows, columns = background.cells.shape
    points = (polygon - background.origin) / background.step - 0.5
    drawn = np.zeros((rows, columns), np.uint8)
    cv2.fillPoly(drawn, [np.round(points * 16).astype(np.int32)], 255, shift=4)
    inside = (drawn > 0).astype(np.uint8)
    within = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    beyond = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    field: Field = (within - beyond) * np.float32(background.step)
    return field


def mask_outlines(
    mask: NDArray[np.bool_], background: Background
) -> list[tuple[Polygon, list[Polygon]]]:
    """Polygons in µm of a mask on the grid: each outline with its holes."""
    found, tree = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    polygons: dict[int, tuple[Polygon, list[Polygon]]] = {}
    scaled = [
        (contour[:, 0, :].astype(np.float64) + 0.5) * background.step + background.origin
        for contour in found
    ]
    for index, points in enumerate(scaled):
        if tree[0][index][3] < 0:
            polygons[index] = (points, [])
    for index, points in enumerate(scaled):
        parent = int(tree[0][index][3])
        if parent >= 0:
            polygons[parent][1].append(points)
    return list(polygons.values())


def _tongue(long: float, short: float, rng: np.random.Generator) -> Polygon:
    """Outline along x: a rounded start, wavy sides, a feathered end."""
    t = np.linspace(0, 1, 240)
    start = np.sqrt(np.clip(1 - (1 - np.minimum(t / 0.14, 1)) ** 2, 0, 1))
    end = np.sqrt(np.clip(1 - (np.maximum(t - 0.86, 0) / 0.14) ** 2, 0, 1))
    sides = []
    for _ in range(2):
        wave = np.zeros_like(t)
        for order in range(1, 9):
            size, phase = rng.normal(), rng.uniform(0, 2 * np.pi)
            wave += 0.018 * size / np.sqrt(order) * np.sin(2 * np.pi * order * t + phase)
        sides.append(_HALF * (1 - 0.16 * t + wave) * start * end)
    x = (_EDGE + t * (1 - 2 * _EDGE)) * long
    # Fingers: the end runs out unevenly.
    fingers = []
    for side in sides:
        fringe = np.cumsum(rng.normal(0, 1, len(t)))
        fringe -= np.linspace(fringe[0], fringe[-1], len(t))
        weight = np.clip((t - 0.86) / 0.1, 0, 1)
        comb = np.sin(side * rng.uniform(90, 130) + rng.uniform(0, 6))
        fingers.append(x + long * weight * (0.018 * comb - 0.02))
    upper = np.stack([fingers[0], short / 2 - sides[0] * short], 1)
    lower = np.stack([fingers[1], short / 2 + sides[1] * short], 1)
    return np.concatenate([upper, lower[-2:0:-1]])


def _blob(
    place: tuple[float, float], radius: float, wobble: float, rng: np.random.Generator
) -> Polygon:
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    radii = np.ones_like(angle)
    for order in range(2, 7):
        radii += wobble * rng.normal() / order * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    radii *= radius
    return np.stack([place[0] + radii * np.cos(angle), place[1] + radii * np.sin(angle)], 1)


def _place_inside(
    background: Background, inside: Field, clear: float, rng: np.random.Generator
) -> tuple[float, float]:
    """A grid point at least ``clear`` µm inside, in µm; the deepest one where there is none."""
    rows, columns = np.nonzero(inside >= min(clear, float(inside.max())))
    index = int(rng.integers(len(rows)))
    return (
        background.origin[0] + (float(columns[index]) + 0.5) * background.step,
        background.origin[1] + (float(rows[index]) + 0.5) * background.step,
    )


def _patches(
    background: Background, inside: Field, short: float, count: int, rng: np.random.Generator
) -> Field:
    """Round patches with soft borders, 0 to 1."""
    x, y = grid_coordinates(background)
    patches = np.zeros_like(inside)
    for _ in range(count):
        px, py = _place_inside(background, inside, 0.05 * short, rng)
        radius = short * float(rng.uniform(0.05, 0.09))
        away = np.hypot(x - px, y - py)
        patches = np.maximum(patches, np.clip((radius - away) / (0.4 * radius) + 0.5, 0, 1))
    return patches


def _fat(
    spots: list[tuple[float, float, float]],
    background: Background,
    inside: Field,
    area: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Fat holes: most around the particles, some anywhere."""
    found = []
    for px, py, around in spots:
        for _ in range(int(rng.poisson(min(around / 10, 8)))):
            angle, away = rng.uniform(0, 2 * np.pi), around * rng.uniform(0.2, 1.6)
            found.append((px + away * np.cos(angle), py + away * np.sin(angle)))
    anywhere = int(rng.poisson(6 * area * 1e-6))
    found += [_place_inside(background, inside, 30.0, rng) for _ in range(anywhere)]
    kept = []
    for x, y in found:
        radius = float(rng.uniform(7, 24))
        if inside[background.at(x, y)] > radius + 10:
            kept.append((float(x), float(y), radius))
    return np.array(kept, np.float64).reshape(-1, 3)


def _step(values: Field, low: float, high: float) -> Field:
    place = np.clip((values - low) / (high - low), 0, 1)
    smooth: Field = place * place * (3 - 2 * place)
    return smooth
