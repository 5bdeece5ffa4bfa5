"""Find the nucleated cells of one field."""

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.detection.cytoplasm_rim import measure_rims
from marrowscope.detection.fragment_clusters import Cluster, clusters_of_fragments
from marrowscope.detection.lobe_grouping import group_lobes, same_cell_likelihood
from marrowscope.detection.nuclear_fragments import find_fragments
from marrowscope.detection.nuclear_map import NuclearMap, nuclear_map
from marrowscope.detection.object_types import CELL, COARSEST_PIXEL, classify_objects
from marrowscope.detection.rim_features import RIM_FEATURES
from marrowscope.errors import InputError
from marrowscope.stain import DARKEST_BACKGROUND

# Optical density summed over the nuclear area (µm²): it follows the amount of DNA, and so it is
# much the same for a small dense nucleus and a large loose one, and far less for a platelet.
MIN_CONTENT = 6.0
MIN_AREA = 6.0  # µm²
# The darkest part of a nucleus has at least this density, and this share of the field's median.
MIN_PEAK, MIN_PEAK_SHARE = 0.2, 0.33
# And this many times that of a red cell, for in some stains these are not quite zero, and a field
# of blood has piles of three; but nuclei are never so pale that more than the second is needed.
TOWER, HIGHEST_TOWER = 3.3, 0.5
# Cytoplasm around a nucleus, where nothing tells how much there is (µm).
CYTOPLASM = 1.5
FINEST_VISIBLE, COARSEST_VISIBLE = 0.02, 0.6

SCHEMA = {
    "x": pl.Float64,
    "y": pl.Float64,
    "x0": pl.Float64,
    "y0": pl.Float64,
    "x1": pl.Float64,
    "y1": pl.Float64,
    "nuclear_area": pl.Float64,
    "score": pl.Float32,
    "touches_border": pl.Boolean,
    "kind": pl.String,
    "intact": pl.Float32,
}


def detect(
    image: NDArray[np.uint8], microns_per_pixel: float, found: NuclearMap | None = None
) -> pl.DataFrame:
    """Find nucleated cells, and what looks like one: naked nuclei, smudges, clumps of debris.

    Args:
        image: (H, W, 3) uint8 RGB, one field.
        microns_per_pixel: pixel size.
        found: nuclear map of the image, where it is known already.

    Returns:
        One row per object, from left to right within rows from top to bottom of their centres:
        ``x``, ``y`` centre of the nucleus in pixels, (0, 0) is the centre of the first pixel;
        ``x0``, ``y0``, ``x1``, ``y1`` box of nucleus and estimated cytoplasm, half open, inside
        the field; ``nuclear_area`` µm²; ``score`` in (0, 1], how dark and large the nucleus is;
        ``touches_border``: the box reaches the edge, so the cell may be cut; ``kind``: one of
        ``object_types.OBJECT_TYPES``, ``cell`` unless the evidence is strong; ``intact`` in
        [0, 1], how likely it is an intact cell. Where that cannot be seen (cut by the edge,
        pixels coarser than ``COARSEST_PIXEL``, too little contrast) an object is a cell, and
        ``intact`` is null.

    Raises:
        InputError: a pixel size with which cells cannot be seen.
    """
    cells, measures = locate_nuclei(image, microns_per_pixel, found)
    told = ~cells["touches_border"] & (microns_per_pixel <= COARSEST_PIXEL)
    kind, intact = classify_objects(measures)
    return cells.with_columns(
        kind=pl.when(told).then(pl.Series(kind, dtype=pl.String)).otherwise(pl.lit(CELL)),
        intact=pl.when(told).then(pl.Series(intact, dtype=pl.Float32).fill_nan(None)),
    ).select(*SCHEMA)


def locate_nuclei(
    image: NDArray[np.uint8], microns_per_pixel: float, found: NuclearMap | None = None
) -> tuple[pl.DataFrame, NDArray[np.float64]]:
    """All columns of ``detect`` but the last two, and the ``RIM_FEATURES`` of each row."""
    require_visible_cells(microns_per_pixel)
    found = nuclear_map(image, microns_per_pixel) if found is None else found
    schema = {name: kind for name, kind in SCHEMA.items() if name not in ("kind", "intact")}
    if found.background.min() <= DARKEST_BACKGROUND:
        # No light came through: nothing to tell apart.
        return pl.DataFrame(schema=schema), np.zeros((0, len(RIM_FEATURES)))
    parts = find_fragments(found.density)
    made = clusters_of_fragments(found.density, parts)
    cells = group_lobes(made, parts.saddles, found.density, same_cell_likelihood)
    cells = [cell for cell in cells if cell.area >= MIN_AREA and cell.content >= MIN_CONTENT]
    usual = float(np.median([cell.peak for cell in cells])) if cells else 0.0
    tower = min(TOWER * found.red_cell, HIGHEST_TOWER)
    least = max(MIN_PEAK, MIN_PEAK_SHARE * usual, tower)
    cells = [cell for cell in cells if cell.peak >= least]
    height, width = image.shape[:2]
    rows = [_row(cell, found, width, height, microns_per_pixel, usual) for cell in cells]
    table = pl.DataFrame(rows, schema=schema, orient="row").with_row_index("at").sort("y", "x")
    measures = measure_rims(image, microns_per_pixel, found, parts, cells)
    return table.drop("at"), measures[table["at"].to_numpy()]


def require_visible_cells(microns_per_pixel: float) -> None:
    """Refuse a pixel size with which cells cannot be seen.

    Raises:
        InputError: it is not between ``FINEST_VISIBLE`` and ``COARSEST_VISIBLE``.
    """
    if not FINEST_VISIBLE <= microns_per_pixel <= COARSEST_VISIBLE:
        raise InputError(
            f"a pixel size of {microns_per_pixel:g} µm: cells are found at "
            f"{FINEST_VISIBLE} to {COARSEST_VISIBLE}; if it is not right, "
            "state it as `microns_per_pixel`"
        )


def _row(
    cell: Cluster, found: NuclearMap, width: int, height: int, microns: float, usual: float
) -> tuple[float | bool, ...]:
    (x, y), radius = cv2.minEnclosingCircle(cell.hull.astype(np.float32))
    # Between the centre of gravity, which a heavy lobe pulls, and that of the circle around.
    middle = found.to_field((x + cell.centre[0]) / 2, (y + cell.centre[1]) / 2)
    centre = found.to_field(x, y)
    reach = (radius + 0.5) / found.scale + CYTOPLASM / microns
    x0, y0 = max(0.0, centre[0] + 0.5 - reach), max(0.0, centre[1] + 0.5 - reach)
    x1, y1 = min(width, centre[0] + 0.5 + reach), min(height, centre[1] + 0.5 + reach)
    touches = x0 <= 0 or y0 <= 0 or x1 >= width or y1 >= height
    darkness, size = min(1.0, cell.peak / usual), min(1.0, cell.content / (3 * MIN_CONTENT))
    return (*middle, x0, y0, x1, y1, cell.area, darkness * size, touches)
