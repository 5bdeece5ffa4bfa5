"""Pairs of overlapping images → one image: pairs side by side, the shared part outlined."""

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cell_pixels import cell_images, read_cell
from marrowscope.dataset.crop_orientations import ORIENTATIONS, oriented
from marrowscope.preprocessing import INPUT_SIZE

SHOWN, ACROSS, GAP = 24, 3, 12
_LINE = (0, 160, 0)


def overlap_sheet(table: pl.DataFrame, pairs: pl.DataFrame) -> NDArray[np.uint8]:
    """Draw up to 24 pairs, spread evenly from the least to the most certain.

    The second image of a pair is shown in the orientation in which it lies like the first.

    Args:
        table: cell table of the images.
        pairs: ``Screened.pairs``; at least one.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    cells = dict(zip(table["cell_id"].to_list(), cell_images(table), strict=True))
    order = pairs.sort("correlation")
    chosen = np.unique(np.linspace(0, order.height - 1, min(SHOWN, order.height)).round())
    tiles = []
    for row in order[chosen.astype(int).tolist()].iter_rows(named=True):
        one, two = (read_cell(cells[row[name]]).copy() for name in ("cell_one", "cell_two"))
        two = oriented(two, ORIENTATIONS.index(row["orientation"]))
        scale, shift = row["scale"], np.array([row["dx"], row["dy"]])
        _outline(one, shift, shift + scale * INPUT_SIZE)
        _outline(two, -shift / scale, (INPUT_SIZE - shift) / scale)
        both = [one, two]
        tiles.append(np.concatenate(both, axis=1))
    height, width = tiles[0].shape[0] + GAP, tiles[0].shape[1] + GAP
    rows = -(-len(tiles) // ACROSS)
    sheet = np.full((rows * height, min(ACROSS, len(tiles)) * width, 3), 255, np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // ACROSS * height, place % ACROSS * width
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def _outline(crop: NDArray[np.uint8], low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
    """Draw where the other crop lies, x and y from ``low`` to ``high``, as far as it is inside."""
    corners = np.clip(np.rint([low, high - 1]).astype(int), 0, INPUT_SIZE - 1).tolist()
    cv2.rectangle(crop, corners[0], corners[1], _LINE, 2)
