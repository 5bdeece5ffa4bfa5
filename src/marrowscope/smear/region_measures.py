"""What can be seen of a smear at low power, square by square, without a judgement yet.

All at about 1 µm/px, where a red cell is 7 px wide and a nucleus 6 to 15.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.smear.contour import optical_density
from marrowscope.smear.focus import estimate_blur

LOW_POWER = 1.0  # µm/px
GAP = 0.035  # density of green below which there is no cell
_SMALLEST_NUCLEUS, _ONE_NUCLEUS = 14.0, 110.0  # µm²; platelets are smaller, clumps larger
_FOREIGN = 0.10  # density by which a colour may exceed green in anything Romanowsky-stained
_DARK_GREY, _GREY = 0.15, 0.12  # so dense, and channels this close to each other
_CORE, _MIN_CORE = 0.7, 0.22  # so dark, of the usual nucleus, is this share of a whole one
_RED, _GREEN, _BLUE = 0, 1, 2
_BLUE_SHARE = 0.5
_STACKED_RED_CELLS = 3.3  # more than three red cells on each other


@dataclass(frozen=True)
class RegionMeasures:
    """One value per square, all (N,) float64.

    Attributes:
        gap: share of the area without a cell.
        density: mean density of green outside of nuclei: red cells, by how many lie on each other.
        cell: median density of green where there is a cell but no nucleus.
        nuclei: how many nucleated cells, from the area of nuclei; clumps count by their area.
        nuclear: share of the area that is nucleus.
        clumped: share of the area that is in clumps of more than ten nuclei.
        faint: share of the nuclei that are much paler than the slide's usual ones.
        foreign: share of the area in colours that no Romanowsky stain has, dark grey among them.
        area: mm² of a square.
    """

    gap: NDArray[np.float64]
    density: NDArray[np.float64]
    cell: NDArray[np.float64]
    nuclei: NDArray[np.float64]
    nuclear: NDArray[np.float64]
    clumped: NDArray[np.float64]
    faint: NDArray[np.float64]
    foreign: NDArray[np.float64]
    area: NDArray[np.float64]


@dataclass(frozen=True)
class NuclearStain:
    """How dark nuclei are on this slide.

    Attributes:
        nucleus: of the usual nucleus, as ``nuclear_density``.
        limit: what is above is nucleus.
    """

    nucleus: float
    limit: float


def nuclear_density(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """High in nuclei, near zero in red cells: density of red less half that of blue.

    Azure takes away red light, eosin and haemoglobin take away blue and green.
    """
    return np.asarray(colours[..., _RED] - _BLUE_SHARE * colours[..., _BLUE], np.float32)


def estimate_nuclear_stain(samples: list[NDArray[np.float32]]) -> NuclearStain:
    """How dark nuclei are, from densities (…, 3) of places all over the slide."""
    values = np.concatenate([nuclear_density(sample).ravel() for sample in samples])
    high = float(np.percentile(values, 99.5)) if len(values) else 0.0
    # Three red cells on each other are no nucleus, on a slide without nuclei neither.
    single = [nuclear_density(s)[(s[..., _GREEN] > GAP) & (s[..., _GREEN] < 0.25)] for s in samples]
    reds = np.concatenate(single) if single else np.zeros(0)
    red = float(np.median(reds)) if len(reds) else 0.0
    limit = max(float(np.clip(0.35 * high, 0.06, 0.12)), min(_STACKED_RED_CELLS * red, 0.2))
    inside = values[values > limit]
    nucleus = float(np.percentile(inside, 75)) if len(inside) > 200 else high
    return NuclearStain(max(nucleus, limit), limit)


def measure_regions(
    picture: NDArray[np.uint8],
    squares: tuple[int, int],
    microns_per_pixel: float,
    white: NDArray[np.float64],
    stain: NuclearStain,
) -> RegionMeasures:
    """Measure squares of a picture.

    Args:
        picture: (H, W, 3) uint8 RGB at about 1 µm/px.
        squares: rows and columns into which it is cut evenly.
        microns_per_pixel: of the picture.
        white: RGB of empty glass.
        stain: of the slide.

    Returns:
        Values in the order of rows.
    """
    colours = optical_density(picture, white)
    green = colours[..., _GREEN]
    nuclei = (nuclear_density(colours) > stain.limit).astype(np.uint8)
    around = cv2.dilate(nuclei, np.ones((5, 5), np.uint8)) > 0
    owner = _owners(green.shape, squares)
    count = squares[0] * squares[1]
    pixels = np.bincount(owner.ravel(), minlength=count)

    def share(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(owner[mask], minlength=count) / pixels)

    outside = ~around
    beyond = np.bincount(owner[outside], minlength=count)
    total = np.bincount(owner[outside], green[outside], minlength=count)
    foreign = _foreign(colours)
    numbers, clumped, faint = _nuclei(colours, nuclei, owner, count, microns_per_pixel, stain)
    return RegionMeasures(
        gap=share(green < GAP),
        density=total / np.maximum(beyond, 1),
        cell=_median_by(green, outside & (green >= GAP), owner, count),
        nuclei=numbers,
        nuclear=share(nuclei > 0),
        clumped=clumped / pixels,
        faint=faint,
        foreign=share(foreign),
        area=(pixels * microns_per_pixel**2 / 1e6).astype(np.float64),
    )


def concatenate_measures(parts: list[RegionMeasures]) -> RegionMeasures:
    """Measures one after another."""
    names = RegionMeasures.__dataclass_fields__
    return RegionMeasures(
        **{name: np.concatenate([getattr(p, name) for p in parts]) for name in names}
    )


def select_measures(measures: RegionMeasures, keep: NDArray[np.bool_]) -> RegionMeasures:
    """The measures of some of the squares; keep is (N,)."""
    names = RegionMeasures.__dataclass_fields__
    return RegionMeasures(**{name: getattr(measures, name)[keep] for name in names})


def estimate_picture_blur(
    picture: NDArray[np.uint8], microns_per_pixel: float, white: NDArray[np.float64]
) -> float:
    """Blur of a piece at high power in µm, nan where there is nothing to be sharp."""
    blur = estimate_blur(optical_density(picture, white)[..., _GREEN], microns_per_pixel)
    return float("nan") if blur is None else blur


def _foreign(colours: NDArray[np.float32]) -> NDArray[np.bool_]:
    """What azure and eosin cannot be: they take away green most, so all that they stain is
    between blue, violet and red. Green, yellow, brown and plain grey are something else.
    """
    red, green, blue = (colours[..., channel] for channel in (_RED, _GREEN, _BLUE))
    high = np.maximum(np.maximum(red, green), blue)
    low = np.minimum(np.minimum(red, green), blue)
    grey = (high > _DARK_GREY) & (high - low < _GREY * high)
    return np.asarray((high - green > _FOREIGN) | grey, np.bool_)


def _owners(shape: tuple[int, int], squares: tuple[int, int]) -> NDArray[np.int32]:
    """To which square each pixel belongs."""
    rows = np.arange(shape[0]) * squares[0] // shape[0]
    columns = np.arange(shape[1]) * squares[1] // shape[1]
    return np.asarray(rows[:, None] * squares[1] + columns[None, :], np.int32)


def _nuclei(
    colours: NDArray[np.float32],
    mask: NDArray[np.uint8],
    owner: NDArray[np.int32],
    count: int,
    microns_per_pixel: float,
    stain: NuclearStain,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """How many nuclei, how many pixels in clumps, and which share is faint, per square."""
    number, labels, stats, middles = cv2.connectedComponentsWithStats(mask, connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA] * microns_per_pixel**2
    dark = nuclear_density(colours)
    # The core of a whole nucleus is dark; that of a smudge is not, however large it is.
    core = np.bincount(labels.ravel(), (dark > _CORE * stain.nucleus).ravel(), minlength=number)
    real = area >= _SMALLEST_NUCLEUS
    real[0] = False
    places = np.clip(middles[real].round().astype(int), 0, None)
    at = owner[
        np.minimum(places[:, 1], owner.shape[0] - 1), np.minimum(places[:, 0], owner.shape[1] - 1)
    ]
    cells = np.maximum(1.0, np.round(area[real] / _ONE_NUCLEUS))
    numbers = np.bincount(at, cells, minlength=count)
    large = real & (area > 10 * _ONE_NUCLEUS)
    clumped = np.bincount(owner.ravel(), large[labels].ravel(), minlength=count)
    pale = cells * (core[real] / np.maximum(stats[real, cv2.CC_STAT_AREA], 1) < _MIN_CORE)
    faint = np.bincount(at, pale, minlength=count) / np.maximum(numbers, 1)
    return numbers.astype(np.float64), clumped.astype(np.float64), faint


def _median_by(
    values: NDArray[np.float32], mask: NDArray[np.bool_], owner: NDArray[np.int32], count: int
) -> NDArray[np.float64]:
    """Median of the values in a mask for every owner, to half a hundredth; nan without any."""
    bins = 256
    coded = np.minimum((values[mask] * 200).astype(np.int64), bins - 1)
    table = np.bincount(owner[mask] * bins + coded, minlength=count * bins).reshape(count, bins)
    running = table.cumsum(axis=1)
    place = (running >= running[:, -1:] / 2).argmax(axis=1)
    return np.where(running[:, -1] > 0, (place + 0.5) / 200, np.nan)
