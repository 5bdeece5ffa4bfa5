"""A cell table → the table with the stain vectors of every image, computed once."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from marrowscope.cell_pixels import CellImage, cell_images, read_cell_pixels
from marrowscope.cells import SCHEMA
from marrowscope.errors import InputError
from marrowscope.progress import Advance
from marrowscope.stain import default_stain, estimate_stain


def with_stains(table: pl.DataFrame, advance: Advance | None = None) -> pl.DataFrame:
    """Fill the ``stain`` column where it is missing; rows that have one are not read.

    Images that cannot be read keep a null; so do rows with an ``error``.
    """
    given = table["stain"].to_list() if "stain" in table.columns else [None] * table.height
    errors = table["error"].to_list() if "error" in table.columns else [None] * table.height
    missing = [row for row in range(table.height) if given[row] is None and errors[row] is None]
    cells = cell_images(table)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for row, stain in zip(
            missing, pool.map(_stain_of, (cells[r] for r in missing)), strict=True
        ):
            given[row] = stain
            if advance is not None:
                advance(1, total=len(missing))
    return table.with_columns(pl.Series("stain", given, dtype=SCHEMA["stain"]))


def stain_array(table: pl.DataFrame) -> np.ndarray:
    """The ``stain`` column as (N, 6) float32, the default where a row has none."""
    rows = table["stain"].to_list()
    return np.array([default_stain() if row is None else row for row in rows], dtype=np.float32)


def _stain_of(cell: CellImage) -> list[float] | None:
    try:
        return [float(value) for value in estimate_stain(read_cell_pixels(cell).own)]
    except InputError:
        return None
