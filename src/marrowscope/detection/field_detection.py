"""A slide and a planned field go in; the field's pixels and its cells with their ids come out.

Of fields that touch, each cell comes out once.
"""

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import SCHEMA
from marrowscope.detection.crowding import find_crowded
from marrowscope.detection.detector import detect, require_visible_cells
from marrowscope.detection.nuclear_map import nuclear_map
from marrowscope.slides.slide import Slide
from marrowscope.smear.field_plan import PlannedField
from marrowscope.smear.quality_map import QualityMap, RejectionReason

# Around a planned field of a slide: cells at its edge are seen whole, with room for a crop.
MARGIN_MICRONS = 25.0
# So far apart may the same cell be found from two fields, whose light is judged apart.
SEAM_MICRONS = 1.0


@dataclass(frozen=True)
class FieldDetections:
    """What was seen of one field.

    Attributes:
        field: as planned.
        pixels: (H, W, 3) uint8 RGB of the field with its margin.
        places: (N, 2) float64, x and y of the cells' centres in these pixels.
        cells: one row per cell, columns of ``columns()``; ``x``, ``y`` and box in px of level 0, of
            field images in px of the field; ``judgeable`` is false in a particle or a clot.
        margin: px of level 0 around the field.
    """

    field: PlannedField
    pixels: NDArray[np.uint8]
    places: NDArray[np.float64]
    cells: pl.DataFrame
    margin: int

    @property
    def picture(self) -> NDArray[np.uint8]:
        """The field without its margin."""
        edge, field = self.margin, self.field
        return self.pixels[edge : edge + field.height, edge : edge + field.width]


def detect_in_field(slide: Slide, field: PlannedField) -> FieldDetections:
    """Read one field and find its cells.

    Raises:
        InputError: a pixel size with which cells cannot be seen.
    """
    whole = bool(slide.fields)
    margin = 0 if whole else round(MARGIN_MICRONS / slide.microns_per_pixel)
    left, top = field.x - margin, field.y - margin
    pixels = slide.read_region(left, top, field.width + 2 * margin, field.height + 2 * margin)
    require_visible_cells(slide.microns_per_pixel)
    nuclear = nuclear_map(pixels, slide.microns_per_pixel)
    found = detect(pixels, slide.microns_per_pixel, nuclear)
    crowded = find_crowded(nuclear, found.select("x", "y").to_numpy())
    found = found.with_columns(judgeable=pl.Series(~crowded, dtype=pl.Boolean))
    # The next field begins where this one ends. A cell on the seam is offered by both.
    first = margin - SEAM_MICRONS / slide.microns_per_pixel
    inside = pl.all_horizontal(
        pl.col(axis).is_between(first, 2 * margin + length - first, closed="left")
        for axis, length in (("x", field.width), ("y", field.height))
    )
    found = found.filter(inside) if margin else found
    shift_x, shift_y = (0, 0) if whole else (left, top)
    cells = found.with_columns(
        *(pl.col(name) + shift_x for name in ("x", "x0", "x1")),
        *(pl.col(name) + shift_y for name in ("y", "y0", "y1")),
        cell_id=pl.Series(_cell_ids(slide, field, found.height), dtype=pl.String),
        slide_id=pl.lit(Path(slide.name).absolute().stem),
        field_id=pl.lit(field.name),
    ).select(*detection_columns())
    return FieldDetections(field, pixels, found.select("x", "y").to_numpy(), cells, margin)


def detection_columns() -> dict[str, pl.DataType]:
    """Columns of ``FieldDetections.cells`` with their types."""
    own = {name: SCHEMA[name] for name in ("cell_id", "slide_id", "field_id", "x", "y")}
    sides = dict.fromkeys(("x0", "y0", "x1", "y1", "nuclear_area"), pl.Float64())
    last = {"kind": pl.String(), "intact": pl.Float32(), "judgeable": pl.Boolean()}
    return {**own, **sides, "score": pl.Float32(), "touches_border": pl.Boolean(), **last}


def _cell_ids(slide: Slide, field: PlannedField, count: int) -> list[str]:
    """The same at every run: from the names of source and field and the place in the field."""
    source = hashlib.sha256(f"{Path(slide.name).name}/{field.name}".encode()).hexdigest()[:12]
    return [f"{source}-{number:04d}" for number in range(count)]


def mark_rejected_regions(cells: pl.DataFrame, quality_map: QualityMap | None) -> pl.DataFrame:
    """Make ``judgeable`` false in a square of the slide where cells cannot be judged.

    A planned field may hold some such squares, at the edge of a thick part for instance.

    Args:
        cells: rows with ``judgeable``, and ``x`` and ``y`` in px of level 0.
        quality_map: of the slide; None for field images, which have no squares.
    """
    if quality_map is None:
        return cells
    rows, columns = (
        np.clip(cells[axis].to_numpy() // quality_map.side, 0, length - 1).astype(np.intp)
        for axis, length in zip("yx", quality_map.reason.shape, strict=True)
    )
    accepted = quality_map.reason[rows, columns] == RejectionReason.ACCEPTED
    return cells.with_columns(judgeable=pl.col("judgeable") & pl.Series(accepted, dtype=pl.Boolean))


class SeamDeduplicator:
    """Lets every cell of a slide pass once, at the first field that offers it.

    Only what lies near the edges of fields is remembered.
    """

    def __init__(self, microns_per_pixel: float) -> None:
        self._reach = 2 * SEAM_MICRONS / microns_per_pixel
        self._known: dict[tuple[int, int], list[tuple[float, float]]] = {}

    def drop_known(self, detections: FieldDetections) -> FieldDetections:
        """The same without the cells that an earlier field had; fields are shown in order."""
        if not detections.margin:
            return detections  # field images share no cells
        places = [(float(x), float(y)) for x, y in detections.cells.select("x", "y").rows()]
        fresh = np.array([not self._has(x, y) for x, y in places], dtype=bool)
        for (x, y), passes in zip(places, fresh, strict=True):
            if passes and self._near_edge(detections.field, x, y):
                self._known.setdefault(self._square(x, y), []).append((x, y))
        return replace(
            detections, cells=detections.cells.filter(fresh), places=detections.places[fresh]
        )

    def _square(self, x: float, y: float) -> tuple[int, int]:
        return math.floor(x / self._reach), math.floor(y / self._reach)

    def _has(self, x: float, y: float) -> bool:
        column, row = self._square(x, y)
        return any(
            math.hypot(x - other_x, y - other_y) < self._reach
            for across in (column - 1, column, column + 1)
            for down in (row - 1, row, row + 1)
            for other_x, other_y in self._known.get((across, down), ())
        )

    def _near_edge(self, field: PlannedField, x: float, y: float) -> bool:
        away = min(x - field.x, field.x + field.width - x, y - field.y, field.y + field.height - y)
        return away < 2 * self._reach
