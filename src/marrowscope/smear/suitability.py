"""Where cells of a smear can be judged: a map at low power, each square accepted or with a reason.

Squares of 100 µm are measured at about 1 µm/px (``region_measures``), and how sharp they are at
high power at up to 1,200 places (``focus``). What is usual is taken from the slide itself: how dark
one red cell is, how dark a nucleus, how many nuclei lie in the richer part. So no setting depends
on stain or light. The limits are our own choice.
"""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.slides.slide import Field, Slide, read_scaled
from marrowscope.smear.contour import Contour, optical_density, white_point
from marrowscope.smear.light import light_between_cells
from marrowscope.smear.quality_map import MIN_NUCLEATED_PER_RED, QualityMap, RejectionReason
from marrowscope.smear.region_measures import (
    LOW_POWER,
    RegionMeasures,
    concatenate_measures,
    estimate_nuclear_stain,
    estimate_picture_blur,
    measure_regions,
    select_measures,
)

SQUARE = 100.0  # µm
_BLOCK = (8, 16)  # rows and columns of squares that are read at once
_PROBES, _PROBE, _PROBE_PIXEL = 1200, 40.0, 0.35  # number, µm, coarsest µm/px
_SAMPLES = 60  # squares that are looked at to know the stain


# Limits
_COVERED = 0.5  # of a square
_FOREIGN = 0.05  # of its area
_BARE = 0.97  # gap
_LAYERS, _STACKED = 0.95, 1.25  # red cells on each other on average, and where there are any
_DEEP, _CLOSED = 1.4, 0.06  # the former alone; or so little gap
_CLUMPED = 0.30  # of the area
_BLUR = 0.55  # µm; sharp marrow images are below 0.45
_PALE = 0.62  # of the slide's usual red cell
_PALER = 0.75  # the same, where the nuclei are faint as well
_UNSTAINED = 0.02  # density of green of a red cell
_SHARE_OF_RICH = 0.3  # of the density of the slide's richer squares
_FAINT = 0.30  # of the nuclei
_RED_CELL = 38.0  # µm², a disc of 7 µm


def map_smear_quality(slide: Slide, contour: Contour, workers: int = 1) -> QualityMap:
    """Judge the squares of a smear; the result does not depend on how many threads work."""
    side = max(1, round(SQUARE / slide.microns_per_pixel))
    rows, columns = (-(-length // side) for length in slide.size[::-1])
    covered = _covered(contour, side, (rows, columns))
    inside = covered >= _COVERED
    pixel = side * slide.microns_per_pixel / round(side * slide.microns_per_pixel / LOW_POWER)
    samples = _samples(slide, inside, side, pixel)
    light = light_between_cells(samples, contour.white)
    white = contour.white if light is None else light
    stain = estimate_nuclear_stain([optical_density(sample, white) for sample in samples])
    blocks = _blocks(inside)

    def measured(block: tuple[slice, slice]) -> RegionMeasures:
        high, wide = (part.stop - part.start for part in block)
        corner = block[1].start * side, block[0].start * side
        picture = read_scaled(slide, *corner, wide * side, high * side, pixel)
        found = measure_regions(picture, (high, wide), pixel, white, stain)
        return select_measures(found, inside[block].ravel())

    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(measured, blocks))
    order = [
        (block[0].start + row, block[1].start + column)
        for block in blocks
        for row, column in np.argwhere(inside[block]).tolist()
    ]
    shape = (rows, columns)
    reason = np.full(shape, RejectionReason.OUTSIDE, np.uint8)
    quality, cells, blur = (np.zeros(shape) for _ in range(3))
    if not parts:
        return QualityMap(reason, quality, cells, blur, side)
    at = tuple(np.array(order).T)
    found = concatenate_measures(parts)
    blur = _probe(slide, inside, side, white, workers)
    around = _Neighbours(at, shape)
    reason[at], quality[at] = classify_regions(found, blur[at], covered[at], around)
    cells[at] = found.nuclei
    ratio = red_cells_per_nucleated(found, reason[at], covered[at])
    lights = None if light is None else (contour.white, light)
    return QualityMap(reason, quality, cells, blur, side, ratio, lights=lights)


def map_field_quality(
    slide: Slide, workers: int = 1, only: tuple[Field, ...] | None = None
) -> QualityMap:
    """Judge each field of a source of fields as a whole; unreadable ones are empty.

    Args:
        slide: the source.
        workers: threads; with one, the calling thread reads.
        only: fields to judge and to take the usual stain from; all by default.
    """
    fields = slide.fields if only is None else only

    def seen(one: Field) -> tuple[NDArray[np.uint8], list[NDArray[np.uint8]]]:
        picture = read_scaled(slide, one.x, one.y, one.width, one.height, LOW_POWER)
        return picture, _pieces_of(slide, one)  # both at once: the file is decoded only once

    if workers == 1:
        views = [seen(one) for one in fields]
    else:
        with ThreadPoolExecutor(workers) as pool:
            views = list(pool.map(seen, fields))
    step = max(1, len(views) // _SAMPLES)
    some = [picture for picture, _ in views[::step]]
    white = white_point(np.concatenate([p.reshape(1, -1, 3) for p in some], axis=1))
    light = light_between_cells(some, white)
    white = white if light is None else light
    stain = estimate_nuclear_stain([optical_density(picture, white) for picture in some])
    found = concatenate_measures(
        [measure_regions(picture, (1, 1), LOW_POWER, white, stain) for picture, _ in views]
    )
    pixel = max(slide.microns_per_pixel, _PROBE_PIXEL)
    blur = np.array([_median_blur(pieces, pixel, white) for _, pieces in views])
    whole = np.ones(len(blur))
    reason, quality = classify_regions(found, blur, whole, None)
    ratio = red_cells_per_nucleated(found, reason, whole)
    return QualityMap(
        reason[None], quality[None], found.nuclei[None], blur[None], 0, ratio, tuple(fields)
    )


class _Neighbours:
    """Means over the squares around, those outside of the smear left out."""

    def __init__(self, at: tuple[NDArray[np.intp], ...], shape: tuple[int, int]) -> None:
        self._at, self._shape = at, shape

    def mean(self, values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
        known = np.isfinite(values)
        spread, weight = np.zeros(self._shape), np.zeros(self._shape)
        spread[self._at] = np.where(known, values, 0)
        weight[self._at] = known
        size = (2 * reach + 1, 2 * reach + 1)
        total, number = (
            cv2.boxFilter(f, -1, size, normalize=False, borderType=cv2.BORDER_CONSTANT)[self._at]
            for f in (spread, weight)
        )
        return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def classify_regions(
    found: RegionMeasures,
    blur: NDArray[np.float64],
    covered: NDArray[np.float64],
    around: _Neighbours | None,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Reason and quality of squares or fields from what was measured.

    Args:
        found: (N,) each.
        blur: (N,) µm, nan where unknown.
        covered: (N,) share of each that is smear, above 0.
        around: means over neighbouring squares; None where neighbours mean nothing.
    """

    def near(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
        return values if around is None else around.mean(values, reach)

    red_cell = _one_red_cell(found, covered)
    layers = found.density / red_cell / covered  # glass beside a thick part makes it no thinner
    reason = np.zeros(len(found.gap), np.uint8)
    # The first that applies is told: what comes later means nothing where an earlier one holds.
    # A film of plasma between cells looks like layers, but then most cells are single ones.
    stacked = (layers > _LAYERS) & (found.cell > _STACKED * red_cell)
    thick = stacked | (layers > _DEEP) | (found.gap < _CLOSED) | (found.clumped > _CLUMPED)
    verdicts = [
        (RejectionReason.NOT_A_SMEAR, found.foreign > _FOREIGN),
        (RejectionReason.EMPTY, found.gap > _BARE),
        (RejectionReason.THICK, thick),
        (RejectionReason.OUT_OF_FOCUS, np.nan_to_num(blur) > _BLUR),
        (RejectionReason.PALE, near(found.cell, 0) < max(_PALE * red_cell, _UNSTAINED)),
    ]
    for name, where in verdicts:
        reason[(reason == RejectionReason.ACCEPTED) & where] = name
    left = reason == RejectionReason.ACCEPTED
    # Marrow particles beside it make no place rich: only what is left counts.
    density = np.where(left, found.nuclei / found.area, np.nan)
    per_mm2 = near(density, 1)
    rich = float(np.percentile(per_mm2[left], 75)) if left.any() else 0.0
    relative = 0.0 if around is None else _SHARE_OF_RICH * rich
    reds = near(np.where(left, layers, np.nan), 2) * 1e6 / _RED_CELL
    ratio = near(density, 2) / np.maximum(reds, 1)
    diluted = (ratio < MIN_NUCLEATED_PER_RED) | (per_mm2 < relative)
    reason[left & diluted] = RejectionReason.DILUTED
    left = reason == RejectionReason.ACCEPTED
    faint = left & (near(found.faint, 1) > _FAINT)
    # Nuclei fade in a pale patch too, but there the red cells fade with them.
    reason[faint] = np.where(
        found.cell[faint] < _PALER * red_cell, RejectionReason.PALE, RejectionReason.CRUSHED
    )
    richness = np.minimum(1, per_mm2 / max(rich, 1e-9))
    evenness = np.clip(1 - (layers - 0.6) / 0.5, 0.2, 1)
    sharpness = 1 - 0.5 * np.minimum(1, np.nan_to_num(blur) / _BLUR) ** 2
    quality = np.nan_to_num(richness) * evenness * sharpness * (1 - found.faint)
    return reason, np.where(reason == RejectionReason.ACCEPTED, quality, 0)


def red_cells_per_nucleated(
    found: RegionMeasures, reason: NDArray[np.uint8], covered: NDArray[np.float64]
) -> float:
    """Red cells to one nucleated cell where both could be seen singly; nan without such places."""
    seen = (
        (reason == RejectionReason.ACCEPTED)
        | (reason == RejectionReason.DILUTED)
        | (reason == RejectionReason.CRUSHED)
    )
    if not seen.any():
        return float("nan")
    layers = found.density[seen] / _one_red_cell(found, covered)
    reds = (layers * found.area[seen]).sum() * 1e6 / _RED_CELL
    return float(reds / max(found.nuclei[seen].sum(), 1))


def _one_red_cell(found: RegionMeasures, covered: NDArray[np.float64]) -> float:
    """Density of green of a single red cell, from where cells lie apart."""
    seen = np.isfinite(found.cell)
    # The gaps must be between cells, not beside a thick part.
    single = seen & (found.gap > 0.3) & (found.gap < 0.9) & (covered > 0.95)
    if single.any():
        return float(np.median(found.cell[single]))
    return float(np.min(found.cell[seen])) if seen.any() else 1.0


def _covered(contour: Contour, side: int, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Share of each square that is smear."""
    wide, high = (
        round(count * side / down)
        for count, down in zip(shape[::-1], contour.downsample, strict=True)
    )
    mask = np.zeros((high, wide), np.float32)
    rows, columns = (min(a, b) for a, b in zip(mask.shape, contour.mask.shape, strict=True))
    mask[:rows, :columns] = contour.mask[:rows, :columns]
    return np.asarray(cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_AREA), np.float64)


def _blocks(inside: NDArray[np.bool_]) -> list[tuple[slice, slice]]:
    """Rectangles of squares that are read at once, those without any smear left out."""
    places = [
        (
            slice(row, min(row + _BLOCK[0], inside.shape[0])),
            slice(column, min(column + _BLOCK[1], inside.shape[1])),
        )
        for row in range(0, inside.shape[0], _BLOCK[0])
        for column in range(0, inside.shape[1], _BLOCK[1])
    ]
    return [place for place in places if inside[place].any()]


def _samples(
    slide: Slide, inside: NDArray[np.bool_], side: int, pixel: float
) -> list[NDArray[np.uint8]]:
    """Some squares of the smear, to know stain and light."""
    places = np.argwhere(inside)
    places = places[:: max(1, len(places) // _SAMPLES)]
    return [
        read_scaled(slide, column * side, row * side, side, side, pixel)
        for row, column in places.tolist()
    ]


def _probe(
    slide: Slide,
    inside: NDArray[np.bool_],
    side: int,
    white: NDArray[np.float64],
    workers: int,
) -> NDArray[np.float64]:
    """Blur in µm, at every square or, on a large smear, at every second, third, …"""
    pixel = max(slide.microns_per_pixel, _PROBE_PIXEL)
    step = int(np.ceil(np.sqrt(max(1.0, inside.sum() / _PROBES))))
    width = round(_PROBE / slide.microns_per_pixel)
    places = [
        (row, column)
        for row in range(0, inside.shape[0], step)
        for column in range(0, inside.shape[1], step)
        if inside[row : row + step, column : column + step].any()
    ]

    def probed(place: tuple[int, int]) -> float:
        group = inside[place[0] : place[0] + step, place[1] : place[1] + step]
        # In the middle of that square of the group which is nearest to the middle of the group.
        squares = np.argwhere(group)
        nearest = squares[((squares - (step - 1) / 2) ** 2).sum(axis=1).argmin()]
        y, x = (round((v + 0.5) * side - width / 2) for v in (np.array(place) + nearest).tolist())
        return estimate_picture_blur(read_scaled(slide, x, y, width, width, pixel), pixel, white)

    blur = np.full(inside.shape, np.nan)
    with ThreadPoolExecutor(workers) as pool:
        for (row, column), value in zip(places, pool.map(probed, places), strict=True):
            blur[row : row + step, column : column + step] = value
    return blur


def _pieces_of(slide: Slide, one: Field) -> list[NDArray[np.uint8]]:
    """Four pieces of a field at high power."""
    pixel = max(slide.microns_per_pixel, _PROBE_PIXEL)
    width = min(round(_PROBE / slide.microns_per_pixel), one.width, one.height)
    return [
        read_scaled(slide, one.x + x, one.y + y, width, width, pixel)
        for x in ((one.width - width) // 5, 4 * (one.width - width) // 5)
        for y in ((one.height - width) // 5, 4 * (one.height - width) // 5)
    ]


def _median_blur(
    pieces: list[NDArray[np.uint8]], microns_per_pixel: float, white: NDArray[np.float64]
) -> float:
    blurs = [estimate_picture_blur(piece, microns_per_pixel, white) for piece in pieces]
    known = [blur for blur in blurs if np.isfinite(blur)]
    return float(np.median(known)) if known else float("nan")
