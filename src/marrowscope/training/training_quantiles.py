"""Training cells go in, quantiles of what each class looks like come out, for the model's card.

``predict`` holds new cells against them (``inference.training_appearance``). A few hundred images
are looked at, chosen by their ids, so that the same cells give the same card in any order.
"""

import hashlib
from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cell_pixels import cell_images, read_cell
from marrowscope.dataset.packing import keys_of
from marrowscope.dataset.pixel_store import PixelStore
from marrowscope.errors import InputError
from marrowscope.inference.training_appearance import (
    MEASURES,
    MIN_CELLS,
    measure_appearance,
    quantiles_of,
)

_IN_ALL = 480  # images
_FEWEST, _MOST = MIN_CELLS + 4, 96  # of a class


def training_quantiles(
    train: pl.DataFrame, store: PixelStore | None = None
) -> dict[str, dict[str, list[float]]]:
    """Quantiles of each measure, by class.

    Args:
        train: the training cells, with ``label``, ``cell_id`` and ``path``.
        store: to take pixels from; None: the files.

    Returns:
        Of the classes in which at least ``MIN_CELLS`` cells can be measured and differ.
    """
    classes = train["label"].unique().sort().to_list()
    wanted = min(_MOST, max(_FEWEST, _IN_ALL // max(1, len(classes))))
    found = {}
    for code in classes:
        rows = train.filter(pl.col("label") == code)
        if rows.height < MIN_CELLS:
            continue
        measured: list[dict[str, float]] = []
        for image in _images(_drawn(rows, 2 * wanted), store):
            one = measure_appearance(image)
            if all(np.isfinite(one[name]) for name in MEASURES):
                measured.append(one)
            if len(measured) == wanted:
                break
        if len(measured) < MIN_CELLS:
            continue
        facts = quantiles_of(measured)
        if all(low < middle < high for low, middle, high in facts.values()):
            found[code] = facts
    return found


def _drawn(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    """So many rows, the same in any order of the table."""
    keys = [hashlib.sha256(str(cell).encode()).hexdigest() for cell in rows["cell_id"]]
    return rows.with_columns(pl.Series("_key", keys)).sort("_key").head(number).drop("_key")


def _images(rows: pl.DataFrame, store: PixelStore | None) -> Iterator[NDArray[np.uint8]]:
    if store is not None:
        for place in store.rows(keys_of(rows)):
            if place >= 0:
                yield np.asarray(store.pixels[place])
        return
    for cell in cell_images(rows):
        try:
            yield read_cell(cell)
        except InputError:  # gone since it was trained on
            continue
