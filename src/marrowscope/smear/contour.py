"""The smear on the overview: where there is something stained on the glass, as polygons with holes.

The study names thresholding and k-means clustering and says no more; what is done here is ours:

1. The slide is read at 2 to 16 µm/px, finer for smaller slides. White is the brightest usual value
   of each channel; what was not scanned (black) counts as white.
2. Optical density (negative decadic logarithm of the light that passes), smoothed so that cells
   and the gaps between them become one.
3. k-means clustering (k = 4) of the densities of red, green and blue. Start: quantiles of the
   total, so there is no chance in it. The palest cluster is glass when its density is near zero;
   the others are smear, from the thin end to the thick.
4. Threshold: four standard deviations above the density of glass, but no more than half way to
   the palest cluster of smear.
5. Gaps are closed, specks and pinholes dropped, and the borders written as polygons.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.slides.slide import Slide, read_overview

FINEST, COARSEST = 2.0, 16.0  # µm/px of the overview
_SHORT_SIDE = 600  # px of the overview that are enough
_CLUSTERS = 4
_SAMPLE = 40_000  # pixels that are clustered
_UNSCANNED = 12  # darker than this in all channels: no light, but no smear either
_FAINTEST = 0.012  # of density above glass: less is noise or dirt on the lens
_DIMMEST = 110  # a picture whose brightest pixels are darker shows no glass
_GLASS = 0.06  # a cluster denser than this is no glass
_SMOOTH = 8.0  # µm, standard deviation
_CLOSED = 25.0  # µm: gaps narrower than twice this are part of the smear
_SPECK, _SPECK_SHARE = 0.01, 0.01  # mm², or share of the largest piece
_PINHOLE = 0.0015  # mm²: a fat vacuole of 44 µm


@dataclass(frozen=True)
class Polygon:
    """An outline and the holes in it; each (N, 2) float64 x, y in px of level 0."""

    outline: NDArray[np.float64]
    holes: tuple[NDArray[np.float64], ...]


@dataclass(frozen=True)
class Contour:
    """Where the smear is.

    Attributes:
        polygons: from the largest to the smallest.
        mask: (H, W) bool, the same on the overview.
        overview: (H, W, 3) uint8 RGB.
        microns_per_pixel: of mask and overview.
        downsample: px of level 0 (x, y) that one px of them spans.
        white: (3,) RGB of empty glass, 0 to 255.
        area: of the smear in mm².
    """

    polygons: tuple[Polygon, ...]
    mask: NDArray[np.bool_]
    overview: NDArray[np.uint8]
    microns_per_pixel: float
    downsample: tuple[float, float]
    white: NDArray[np.float64]
    area: float


def smear_contour(slide: Slide) -> Contour:
    """Find the smear.

    Raises:
        InputError: the slide is empty, or all its overview is unreadable.
    """
    width, height = slide.size
    short = min(width, height) * slide.microns_per_pixel
    pixel = float(np.clip(short / _SHORT_SIDE, FINEST, COARSEST))
    picture = read_overview(slide, pixel)
    down = (width / picture.shape[1], height / picture.shape[0])
    white = white_point(picture)
    mask = smear_mask(picture, pixel, white)
    if not mask.any():
        stained = float(_stained(picture, pixel, white).sum()) * pixel**2 / 1e6
        raise InputError(f"{slide.name}: {_why_nothing(slide, stained)}")
    area = float(mask.sum()) * pixel**2 / 1e6
    return Contour(mask_polygons(mask, down), mask, picture, pixel, down, white, area)


def _why_nothing(slide: Slide, stained: float) -> str:
    if slide.corrupt:
        return f"nothing stained could be read; {len(slide.corrupt)} pieces are damaged"
    if stained:
        return (
            f"what is stained covers {stained:.2g} mm², too little for a smear on a slide; is it a "
            "field of a camera (`taken_as=field`), and is the pixel size right?"
        )
    return "an empty slide: nothing stained lies on the glass"


def white_point(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(3,) RGB of light that met nothing, from an image (H, W, 3) uint8 RGB.

    The 98th percentile of what was scanned. If that is dark there is no glass in the picture, and
    240 is taken, the usual setting of cameras.
    """
    seen = picture[_brightest(picture) > _UNSCANNED]
    if not len(seen):
        return np.full(3, 240.0)
    bright = np.percentile(seen[:: max(1, len(seen) // 400_000)], 98, axis=0)
    return np.where(bright.min() >= _DIMMEST, bright, 240.0).astype(np.float64)


def optical_density(picture: NDArray[np.uint8], white: NDArray[np.float64]) -> NDArray[np.float32]:
    """Optical density (decadic) of (H, W, 3) uint8 RGB; 0 is glass, the unscanned, and brighter."""
    light = np.log10(np.maximum(np.arange(256), 1.0))
    table = np.maximum(0, np.log10(white)[None, :] - light[:, None]).astype(np.float32)
    result = np.asarray(cv2.LUT(picture, table[None]), np.float32)
    result[_brightest(picture) <= _UNSCANNED] = 0
    return result


def _brightest(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest of the three channels; NumPy's own way along the last axis is slow."""
    first = np.maximum(picture[..., 0], picture[..., 1])
    return np.asarray(np.maximum(first, picture[..., 2]), np.uint8)


def smear_mask(
    picture: NDArray[np.uint8], microns_per_pixel: float, white: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Where the smear is on an overview (H, W, 3) uint8 RGB; all False on an empty slide."""
    return _tidied(_stained(picture, microns_per_pixel, white), microns_per_pixel)


def _stained(
    picture: NDArray[np.uint8], microns_per_pixel: float, white: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """What is denser than glass, specks and all."""
    colours = cv2.GaussianBlur(
        optical_density(picture, white), (0, 0), max(0.8, _SMOOTH / microns_per_pixel)
    )
    total = colours.mean(axis=2)
    rows, columns = total.shape
    step = max(1, int(np.sqrt(rows * columns / _SAMPLE)))
    sample = colours[step // 2 :: step, step // 2 :: step].reshape(-1, 3)
    centres, members = k_means(sample, _CLUSTERS)
    depth = centres.mean(axis=1)
    if depth[-1] < _GLASS / 2:  # even the darkest is glass
        return np.zeros(total.shape, np.bool_)
    if depth[0] > _GLASS:
        threshold = _FAINTEST  # no glass in view: the smear fills the picture
    else:
        glass = sample[members == 0].mean(axis=1)
        spread = 1.4826 * float(np.median(np.abs(glass - np.median(glass))))
        rise = max(_FAINTEST, 4 * spread)
        threshold = float(np.median(glass)) + min(rise, float(depth[1] - depth[0]) / 2)
        threshold = max(threshold, _FAINTEST)
    return np.asarray(total > threshold, np.bool_)


def k_means(
    points: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """k-means (Lloyd 1982) from fixed starts: centres (count, D) by rising sum, and memberships.

    Starts are the points at evenly spaced quantiles of the sum of the coordinates.
    """
    order = np.argsort(points.sum(axis=1), kind="stable")
    places = ((np.arange(count) + 0.5) / count * len(points)).astype(int)
    centres = points[order[places]].astype(np.float64)
    columns = points.T.astype(np.float64, order="C")
    members = np.zeros(len(points), np.intp)
    for _ in range(50):
        members = _nearest(columns, centres)
        sizes = np.bincount(members, minlength=count)
        sums = np.stack(
            [np.bincount(members, column, minlength=count) for column in columns], axis=1
        )
        moved = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
        if np.allclose(moved, centres, atol=1e-5):
            break
        centres = moved
    rank = np.argsort(centres.sum(axis=1), kind="stable")
    return centres[rank], np.argsort(rank)[members]


def _nearest(columns: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.intp]:
    """Which of the centres (K, D) is nearest to each point of (D, N); the first of equals.

    Point after point in memory, coordinate by coordinate: ten times as fast as one array (N, K, D).
    """
    members = np.zeros(columns.shape[1], np.intp)
    least = np.full(columns.shape[1], np.inf)
    for number, centre in enumerate(centres):
        apart = np.zeros(columns.shape[1])
        for column, place in zip(columns, centre, strict=True):
            apart += (column - place) ** 2
        members[apart < least] = number
        np.minimum(least, apart, out=least)
    return members


def _tidied(mask: NDArray[np.bool_], microns_per_pixel: float) -> NDArray[np.bool_]:
    """Gaps closed, specks and pinholes dropped."""
    radius = max(1, round(_CLOSED / microns_per_pixel))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    # Closing near the border would see darkness beyond it.
    framed = cv2.copyMakeBorder(mask.astype(np.uint8), *(4 * (2 * radius,)), cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, disc)
    closed = closed[2 * radius : -2 * radius, 2 * radius : -2 * radius]
    pixel = (microns_per_pixel / 1000) ** 2
    areas = _areas(closed)
    fewest = max(_SPECK / pixel, _SPECK_SHARE * areas.max(initial=0))
    kept = _without_small(closed, fewest)
    gaps = _without_small(1 - kept, _PINHOLE / pixel)
    return gaps == 0 if kept.any() else np.zeros(mask.shape, np.bool_)


def _areas(mask: NDArray[np.uint8]) -> NDArray[np.int32]:
    stats = cv2.connectedComponentsWithStats(mask, connectivity=8)[2]
    return np.asarray(stats[1:, cv2.CC_STAT_AREA], np.int32)


def _without_small(mask: NDArray[np.uint8], fewest: float) -> NDArray[np.uint8]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    keep = stats[:, cv2.CC_STAT_AREA] >= fewest
    keep[0] = False
    return np.asarray(keep[labels], np.uint8)


def mask_polygons(mask: NDArray[np.bool_], downsample: tuple[float, float]) -> tuple[Polygon, ...]:
    """Borders of a mask as polygons with holes in px of level 0, from the largest on."""
    # Doubled, so that a border runs along the edges of pixels and not through their middles.
    doubled = np.repeat(np.repeat(mask.astype(np.uint8), 2, axis=0), 2, axis=1)
    borders, tree = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    found: list[tuple[float, Polygon]] = []
    for index, border in enumerate(borders):
        if tree[0][index][3] >= 0:  # a hole; taken with its outline
            continue
        holes, child = [], tree[0][index][2]
        while child >= 0:
            holes.append(_scaled(borders[child], downsample))
            child = tree[0][child][0]
        size = cv2.contourArea(border)
        found.append((size, Polygon(_scaled(border, downsample), tuple(holes))))
    return tuple(polygon for _, polygon in sorted(found, key=lambda one: -one[0]))


def _scaled(border: NDArray[np.int32], downsample: tuple[float, float]) -> NDArray[np.float64]:
    simple = cv2.approxPolyDP(border, 1.5, True)[:, 0, :].astype(np.float64)
    return np.asarray((simple + 0.5) / 2 * np.asarray(downsample), np.float64)
