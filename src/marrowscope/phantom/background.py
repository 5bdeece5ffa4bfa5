"""What lies where on the glass, at low power: maps that fields and slides are drawn from.

All maps share one grid in µm. Values between grid points are interpolated when an image is drawn
and taken from the nearest point where something is counted.
"""

from dataclasses import dataclass, fields
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.phantom.shapes import Field, Mask

# From these values on cells cannot be judged.
THICK = 0.95  # layers of red cells
BLURRED = 0.35  # µm of defocus
CRUSHED = 0.4  # share of smudges and artefacts
PALE = 0.6  # factor on the stain; below it
PARTICLE = 0.05


class PhantomRegion(IntEnum):
    """Why cells cannot be judged at a place; 0 where they can."""

    JUDGEABLE = 0
    GLASS = 1
    HOLE = 2
    THICK = 3
    PARTICLE = 4
    CRUSHED = 5
    OUT_OF_FOCUS = 6
    PALE = 7
    DILUTED = 8


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels; x and y may be negative."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Background:
    """Maps (rows, columns) float32 over the glass, and round holes.

    Attributes:
        origin: (x, y) of the corner of the maps, µm. step: grid spacing, µm.
        cells: nucleated cells per mm² that are asked for.
        red: layers of red cells: share of the area times thickness.
        excluded: share of smudges and artefacts among the nucleated, 0 to 1.
        film: concentration of the protein film.
        stain: factor on all concentrations.
        defocus: blur beyond the optics, standard deviation in µm.
        particle: marrow particle, 0 to 1.
        reason: uint8, see ``PhantomRegion``.
        holes: (N, 3) float64: x, y, radius in µm of round holes (fat).
    """

    origin: tuple[float, float]
    step: float
    cells: Field
    red: Field
    excluded: Field
    film: Field
    stain: Field
    defocus: Field
    particle: Field
    reason: NDArray[np.uint8]
    holes: NDArray[np.float64]

    def at(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of the grid point nearest to a place in µm, inside the maps."""
        rows, columns = self.cells.shape
        row = int((y - self.origin[1]) / self.step)
        column = int((x - self.origin[0]) / self.step)
        return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)

    def maximum(self, name: str, box: tuple[float, float, float, float]) -> float:
        """Largest value of a map in a box (x0, y0, x1, y1) in µm, with the points around it."""
        top, left = self.at(box[0] - self.step, box[1] - self.step)
        bottom, right = self.at(box[2] + self.step, box[3] + self.step)
        return float(getattr(self, name)[top : bottom + 1, left : right + 1].max())

    def sample(self, name: str, window: Window, microns_per_pixel: float) -> Field | float:
        """A map at the pixels of a window: (height, width), or a number where it is constant."""
        values = getattr(self, name)
        x0 = (window.x + 0.5) * microns_per_pixel - self.origin[0]
        y0 = (window.y + 0.5) * microns_per_pixel - self.origin[1]
        box = (
            x0 + self.origin[0],
            y0 + self.origin[1],
            x0 + self.origin[0] + window.width * microns_per_pixel,
            y0 + self.origin[1] + window.height * microns_per_pixel,
        )
        top, left = self.at(box[0] - 2 * self.step, box[1] - 2 * self.step)
        bottom, right = self.at(box[2] + 2 * self.step, box[3] + 2 * self.step)
        part = values[top : bottom + 1, left : right + 1]
        if part.min() == part.max():
            return float(part[0, 0])
        scale = microns_per_pixel / self.step
        return resample_grid(
            part, scale, x0 / self.step - 0.5 - left, y0 / self.step - 0.5 - top, window
        )

    def judgeable(self, window: Window, microns_per_pixel: float) -> Mask:
        """(height, width) bool: where cells can be judged."""
        x = (np.arange(window.width) + window.x + 0.5) * microns_per_pixel - self.origin[0]
        y = (np.arange(window.height) + window.y + 0.5) * microns_per_pixel - self.origin[1]
        columns = np.clip((x / self.step).astype(int), 0, self.reason.shape[1] - 1)
        rows = np.clip((y / self.step).astype(int), 0, self.reason.shape[0] - 1)
        mask = self.reason[rows[:, None], columns[None, :]] == PhantomRegion.JUDGEABLE
        drawn = mask.astype(np.uint8)
        for hx, hy, radius in self.holes.tolist():
            place = (
                round(hx / microns_per_pixel) - window.x,
                round(hy / microns_per_pixel) - window.y,
            )
            cv2.circle(drawn, place, round(radius / microns_per_pixel), 0, -1)
        judgeable: Mask = drawn > 0
        return judgeable


def empty_background(box: tuple[float, float, float, float], step: float) -> Background:
    """An empty background over a box (x0, y0, x1, y1) in µm; fill it with ``replace``."""
    rows = int(np.ceil((box[3] - box[1]) / step)) + 1
    columns = int(np.ceil((box[2] - box[0]) / step)) + 1
    maps = {
        field.name: np.zeros((rows, columns), np.float32)
        for field in fields(Background)
        if field.name not in ("origin", "step", "reason", "holes")
    }
    maps["stain"] += 1
    return Background(
        origin=(box[0], box[1]),
        step=step,
        reason=np.zeros((rows, columns), np.uint8),
        holes=np.zeros((0, 3)),
        **maps,
    )


def classify_background(
    background: Background, fewest: float, inside: Mask, whole: Mask
) -> NDArray[np.uint8]:
    """The map of reasons that follows from the other maps.

    Args:
        background: the maps.
        fewest: nucleated cells per mm² below which the place counts as diluted.
        inside: where the smear is. whole: where it is not torn.
    """
    reason = np.zeros(background.cells.shape, np.uint8)
    # The last one that applies is the one told.
    for name, where in (
        (PhantomRegion.DILUTED, background.cells < fewest),
        (PhantomRegion.PALE, background.stain < PALE),
        (PhantomRegion.OUT_OF_FOCUS, background.defocus > BLURRED),
        (PhantomRegion.CRUSHED, background.excluded > CRUSHED),
        (PhantomRegion.THICK, background.red > THICK),
        (PhantomRegion.PARTICLE, background.particle > PARTICLE),
        (PhantomRegion.HOLE, ~whole),
        (PhantomRegion.GLASS, ~inside),
    ):
        reason[where] = name
    return reason


def grid_coordinates(background: Background) -> tuple[Field, Field]:
    """x (1, columns) and y (rows, 1) of the grid points, µm."""
    rows, columns = background.cells.shape
    x = (
        background.origin[0]
        + (np.arange(columns, dtype=np.float32)[None, :] + 0.5) * background.step
    )
    y = background.origin[1] + (np.arange(rows, dtype=np.float32)[:, None] + 0.5) * background.step
    return x.astype(np.float32), y.astype(np.float32)


def resample_grid(
    part: Field, scale: float, left: float, top: float, window: Window, cubic: bool = False
) -> Field:
    """Grid values at pixels: pixel (0, 0) lies at (left, top) of the grid, ``scale`` nodes/px."""
    matrix = np.array([[scale, 0, left], [0, scale, top]])
    flags = (cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    image: Field = cv2.warpAffine(
        np.ascontiguousarray(part, np.float32),
        matrix,
        (window.width, window.height),
        flags=flags,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return image


class SmoothNoise:
    """Smooth noise over the whole plane, mean 0, sd near 1; features repeat after 512 grains."""

    def __init__(self, seed: int, name: int) -> None:
        rng = np.random.Generator(np.random.PCG64([seed, name, 0xC10D]))
        self._nodes = rng.standard_normal((512, 512), dtype=np.float32) * np.float32(1.4)

    def sample(self, grain: float, window: Window, microns_per_pixel: float) -> Field:
        """(height, width) at the pixels of a window; ``grain`` in µm."""
        scale = microns_per_pixel / grain
        x, y = (window.x + 0.5) * scale, (window.y + 0.5) * scale
        left, top = int(np.floor(x)) - 2, int(np.floor(y)) - 2
        columns = np.arange(left, left + int(window.width * scale) + 6) % 512
        rows = np.arange(top, top + int(window.height * scale) + 6) % 512
        part = self._nodes[rows[:, None], columns[None, :]]
        return resample_grid(part, scale, x - left, y - top, window, cubic=True)
