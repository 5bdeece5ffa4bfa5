"""Detect in fields of any size by tiles, every cell exactly once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.spatial import cKDTree

from marrowscope.detection.detector import SCHEMA, detect
from marrowscope.slides.slide import Slide

TILE = 4096  # px; a field of a camera is one tile
# Tiles reach over their neighbours by two large cells, so that each cell is whole in one of them.
OVERLAP_MICRONS = 40.0
# Two finds of different tiles nearer than this are one cell: no nucleus is smaller.
SAME_MICRONS = 4.0


@dataclass(frozen=True)
class Tile:
    """A rectangle of level 0, px."""

    x: int
    y: int
    width: int
    height: int


def overlapping_tiles(x: int, y: int, width: int, height: int, overlap: int) -> Iterator[Tile]:
    """Cover a rectangle with tiles that overlap, row by row; a small rectangle is one tile."""
    step = TILE - overlap
    for top in range(0, max(1, height - overlap), step):
        for left in range(0, max(1, width - overlap), step):
            yield Tile(x + left, y + top, min(TILE, width - left), min(TILE, height - top))


def detect_region(slide: Slide, x: int, y: int, width: int, height: int) -> pl.DataFrame:
    """Find the cells of a rectangle of a slide; as ``detect``, in pixels of level 0.

    Args:
        slide: with its pixel size.
        x, y, width, height: rectangle of level 0.

    Raises:
        InputError: a pixel size with which cells cannot be seen.
    """
    microns = slide.microns_per_pixel
    overlap = min(TILE // 2, round(OVERLAP_MICRONS / microns))
    frames = []
    for number, tile in enumerate(overlapping_tiles(x, y, width, height, overlap)):
        pixels = slide.read_region(tile.x, tile.y, tile.width, tile.height)
        found = detect(pixels, microns)
        right, bottom = tile.x + tile.width, tile.y + tile.height
        frames.append(
            found.with_columns(
                *(pl.col(name) + tile.x for name in ("x", "x0", "x1")),
                *(pl.col(name) + tile.y for name in ("y", "y0", "y1")),
                tile=pl.lit(number),
            ).with_columns(
                # How far from the seams of its tile; the rectangle's own edge is none.
                inside=pl.min_horizontal(
                    pl.lit(np.inf) if tile.x == x else pl.col("x") - tile.x,
                    pl.lit(np.inf) if tile.y == y else pl.col("y") - tile.y,
                    pl.lit(np.inf) if right == x + width else right - pl.col("x"),
                    pl.lit(np.inf) if bottom == y + height else bottom - pl.col("y"),
                ),
                touches_border=(pl.col("x0") <= x)
                | (pl.col("y0") <= y)
                | (pl.col("x1") >= x + width)
                | (pl.col("y1") >= y + height),
            )
        )
    return drop_duplicates(pl.concat(frames), overlap / 2, SAME_MICRONS / microns)


def drop_duplicates(found: pl.DataFrame, least_inside: float, same: float) -> pl.DataFrame:
    """Keep each cell from the tile in which it lies farthest from the seams.

    Args:
        found: rows of ``detect`` with ``tile`` and ``inside``.
        least_inside: a find nearer to a seam lies deeper in another tile, and is that one's.
        same: finds of different tiles within this distance are one cell.
    """
    rows = found.filter(pl.col("inside") >= least_inside).sort("inside", descending=True)
    places, owners = rows.select("x", "y").to_numpy(), rows["tile"].to_list()
    kept = np.ones(rows.height, dtype=bool)
    if rows.height > 1:
        for one, two in sorted(cKDTree(places).query_pairs(same)):
            if kept[one] and kept[two] and owners[one] != owners[two]:
                kept[two] = False  # the rows are sorted: the first lies deeper in its tile
    return rows.filter(pl.Series(kept)).select(*SCHEMA).sort("y", "x")
