"""Pairs of overlapping images → one image: pairs side by side, the shared part outlined."""

from pathlib import Path

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.io.image_decoding import read_image
from marrowscope.preprocessing import INPUT_SIZE, prepare

SHOWN, ACROSS, GAP = 24, 3, 12
_LINE = (0, 160, 0)


def overlap_sheet(table: pl.DataFrame, pairs: pl.DataFrame) -> NDArray[np.uint8]:
    """Draw up to 24 pairs, spread evenly from the least to the most certain.

    Args:
        table: cell table of the images.
        pairs: ``Screened.pairs``; at least one.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    path_of = dict(table.select("cell_id", "path").rows())
    size_of: dict[str, float | None] = dict.fromkeys(path_of)
    if "microns_per_pixel" in table.columns:
        size_of = dict(table.select("cell_id", "microns_per_pixel").rows())
    order = pairs.sort("correlation")
    chosen = np.unique(np.linspace(0, order.height - 1, min(SHOWN, order.height)).round())
    tiles = []
    for row in order[chosen.astype(int).tolist()].iter_rows(named=True):
        both = []
        for name, (dx, dy) in (
            ("cell_one", (row["dx"], row["dy"])),
            ("cell_two", (-row["dx"], -row["dy"])),
        ):
            cell = row[name]
            crop = prepare(read_image(Path(path_of[cell])), size_of[cell]).copy()
            low = max(0, dx), max(0, dy)
            high = min(INPUT_SIZE, INPUT_SIZE + dx) - 1, min(INPUT_SIZE, INPUT_SIZE + dy) - 1
            cv2.rectangle(crop, low, high, _LINE, 2)
            both.append(crop)
        tiles.append(np.concatenate(both, axis=1))
    height, width = tiles[0].shape[0] + GAP, tiles[0].shape[1] + GAP
    rows = -(-len(tiles) // ACROSS)
    sheet = np.full((rows * height, min(ACROSS, len(tiles)) * width, 3), 255, np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // ACROSS * height, place % ACROSS * width
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet
