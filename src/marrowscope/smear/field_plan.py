"""Which fields are looked at, in which order, and when it is enough.

Over the squares where cells can be judged lies a grid of fields of the size of the study's camera
(2452×2056 px at 0.08625 µm/px). Fields that touch form a region. Within a region the order is a
meander, as a cytologist moves the stage: a row to the right, the next one back. The best region
comes first.

A region mostly holds far more cells than are needed. To end in its first rows would leave the rest
unseen, so the meander is walked with a stride: the first round takes every n-th field all over the
regions, later rounds those between. Counting stops at the first field of the order with which
there are enough cells. That does not depend on how many fields are worked on side by side.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.slides.slide import Slide
from marrowscope.smear.quality_map import QualityMap, RejectionReason

FIELD_SIZE = (2452, 2056)  # px of the study's camera at 0.08625 µm/px
DEFAULT_CELLS = 500  # nucleated cells of a precise count (ICSH 2008)
_MIN_ACCEPTED = 0.85  # share of a field that can be judged
_RESERVE = 1.25  # so many times the cells that are needed are expected in the first round
_SMALL_REGION = 4  # fields; smaller regions come last, whatever their quality


@dataclass(frozen=True)
class PlannedField:
    """A field to look at: its place in the order, and its rectangle in px of level 0.

    ``cells`` is how many nucleated cells are expected, ``quality`` 0 to 1, ``region`` counts from
    0 for the best; ``name`` is that of the file where fields are files.
    """

    order: int
    x: int
    y: int
    width: int
    height: int
    quality: float
    cells: float
    region: int
    name: str


@dataclass(frozen=True)
class FieldPlan:
    """Fields in the order in which they are to be counted, and how many the first round has."""

    fields: tuple[PlannedField, ...]
    first_round: int

    @property
    def expected_cells(self) -> float:
        """Nucleated cells expected in all fields together."""
        return float(sum(field.cells for field in self.fields))


def plan_fields(slide: Slide, quality_map: QualityMap, enough: int = DEFAULT_CELLS) -> FieldPlan:
    """Plan the fields of a slide, or put those of a camera into order.

    Args:
        slide: what is counted.
        judged: of the same slide.
        enough: how many countable cells are wanted.

    Raises:
        InputError: there is no place where cells can be judged, with the reason.
    """
    reason = quality_map.rejection_summary()
    if reason is not None:
        raise InputError(f"{slide.name}: {reason}")
    if quality_map.fields:
        return _given(quality_map)
    wide, high = (round(side * MICRONS_PER_PIXEL / slide.microns_per_pixel) for side in FIELD_SIZE)
    wide, high = min(wide, slide.size[0]), min(high, slide.size[1])
    accepted = (quality_map.reason == RejectionReason.ACCEPTED).astype(np.float32)
    columns, rows = slide.size[0] // wide, slide.size[1] // high
    # The grid sits in the middle of the slide; what does not fill a field is left at its borders.
    left, top = (slide.size[0] - columns * wide) // 2, (slide.size[1] - high * rows) // 2
    box = (left, top, wide, high)
    share = _over_fields(accepted, quality_map.side, box, (rows, columns))
    weight = np.maximum(share, 1e-9)
    quality = _over_fields(quality_map.quality, quality_map.side, box, (rows, columns)) / weight
    density = _over_fields(quality_map.cells * accepted, quality_map.side, box, (rows, columns))
    cells = density * (wide * high / quality_map.side**2)
    fits = share >= min(_MIN_ACCEPTED, float(share.max()))
    fields_in_order = _meander(fits, quality)
    order, first = _with_stride(fields_in_order, cells, enough)
    fields = tuple(
        PlannedField(
            place,
            left + column * wide,
            top + row * high,
            wide,
            high,
            float(quality[row, column] * share[row, column]),
            float(cells[row, column]),
            region,
            f"x{left + column * wide}-y{top + row * high}",
        )
        for place, (region, row, column) in enumerate(order)
    )
    return FieldPlan(fields, first)


def plan_field_images(slide: Slide) -> FieldPlan:
    """All fields of a source of field images, in their own order."""
    fields = tuple(
        PlannedField(place, one.x, one.y, one.width, one.height, 1.0, 0.0, 0, one.name)
        for place, one in enumerate(slide.fields)
    )
    return FieldPlan(fields, len(fields))


def _given(quality_map: QualityMap) -> FieldPlan:
    """Accepted fields in their own order: whoever took them has walked already."""
    accepted = np.flatnonzero(quality_map.reason[0] == RejectionReason.ACCEPTED).tolist()
    fields = tuple(
        PlannedField(
            place,
            one.x,
            one.y,
            one.width,
            one.height,
            float(quality_map.quality[0, index]),
            float(quality_map.cells[0, index]),
            0,
            one.name,
        )
        for place, index in enumerate(accepted)
        for one in (quality_map.fields[index],)
    )
    return FieldPlan(fields, len(fields))


def _over_fields(
    values: NDArray[np.floating], side: int, box: tuple[int, int, int, int], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Mean of a map of squares over each field of a grid, by the area that they share."""
    left, top, wide, high = box
    down = _shares(shape[0], top, high, side, values.shape[0])
    across = _shares(shape[1], left, wide, side, values.shape[1])
    return np.asarray(down @ values.astype(np.float64) @ across.T)


def _shares(count: int, start: int, length: int, side: int, squares: int) -> NDArray[np.float64]:
    """Which share of a field's length lies in each square: (count, squares)."""
    begin = start + length * np.arange(count)[:, None]
    edge = side * np.arange(squares)[None, :]
    overlap = np.minimum(begin + length, edge + side) - np.maximum(begin, edge)
    return np.asarray(np.maximum(overlap, 0) / length, np.float64)


def _meander(fits: NDArray[np.bool_], quality: NDArray[np.float64]) -> list[tuple[int, int, int]]:
    """Fields as (region, row, column): regions from the best on, each in a meander."""
    number, labels = cv2.connectedComponents(fits.astype(np.uint8), connectivity=8)
    regions = []
    for label in range(1, number):
        inside = labels == label
        size = int(inside.sum())
        # Large regions of good quality before small ones: fewer borders, more of one kind.
        worth = float(quality[inside].mean()) * math.log1p(size)
        regions.append((size < _SMALL_REGION, -worth, label))
    fields_in_order = []
    for place, (_, _, label) in enumerate(sorted(regions)):
        for turn, row in enumerate(np.flatnonzero((labels == label).any(axis=1)).tolist()):
            columns = np.flatnonzero(labels[row] == label).tolist()
            fields_in_order += [
                (place, row, column) for column in (columns[::-1] if turn % 2 else columns)
            ]
    return fields_in_order


def _with_stride(
    fields_in_order: list[tuple[int, int, int]], cells: NDArray[np.float64], enough: int
) -> tuple[list[tuple[int, int, int]], int]:
    """Every n-th field first, then those between; and how many the first round has."""
    expected = sum(float(cells[row, column]) for _, row, column in fields_in_order)
    stride = max(1, math.floor(expected / (_RESERVE * max(enough, 1))))
    rounds = sorted(range(stride), key=lambda start: (_reversed_bits(start, stride), start))
    # Starts in the order of reversed bits lie far apart, whenever one stops.
    order = [field for start in rounds for field in fields_in_order[start::stride]]
    return order, len(fields_in_order[rounds[0] :: stride])


def _reversed_bits(value: int, limit: int) -> int:
    width = max(1, (limit - 1).bit_length())
    return int(f"{value:0{width}b}"[::-1], 2)


class FieldQueue:
    """Hands out fields in order, is told what was counted, and knows when it is enough.

    Workers may be ahead: fields are handed out until enough cells are known, and those after the
    one with which it was enough are not used. So the count is the same for any number of workers.
    """

    def __init__(self, plan: FieldPlan, enough: int = DEFAULT_CELLS) -> None:
        self._plan, self._enough = plan, enough
        self._told: dict[int, int] = {}
        self._known, self._cells = 0, 0  # fields of the order told without a gap, and their cells

    def __iter__(self) -> Iterator[PlannedField]:
        for field in self._plan.fields:
            if self.enough:
                return
            yield field

    def record_count(self, field: PlannedField, countable: int) -> None:
        """Say how many countable cells a field had; 0 for one that was of no use."""
        self._told[field.order] = countable
        while self._known in self._told and not self.enough:
            self._cells += self._told[self._known]
            self._known += 1

    @property
    def enough(self) -> bool:
        """Whether the cells of the fields so far, in their order, suffice."""
        return self._cells >= self._enough

    @property
    def exhausted(self) -> bool:
        """Whether all fields were counted and it was still not enough."""
        return self._known == len(self._plan.fields) and not self.enough

    @property
    def cells(self) -> int:
        """Countable cells in the fields that are used."""
        return self._cells

    @property
    def used(self) -> tuple[PlannedField, ...]:
        """The fields whose cells make up the count, in order."""
        return self._plan.fields[: self._known]
