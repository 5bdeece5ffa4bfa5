"""Every cell of depth, layout, compression and byte order: equal to other readers, or refused."""

import itertools
import re
from collections.abc import Iterable

import numpy as np
import pytest

from marrowscope.io.image_decoding import decode_noted
from marrowscope.io.image_file import ImageError
from support.decoding_cells import (
    DEPTHS,
    LAYOUTS,
    Cell,
    cells_of_other_formats,
    other_tiff_cells,
    png_cells,
    tiff_cells,
)


def wrong(cell: Cell) -> str | None:
    """What is wrong with our answer; None where it is right."""
    try:
        found = decode_noted(cell.data, "file")
    except ImageError as error:
        right = cell.pixels is None and re.search(cell.reason, error.reason)
        return None if right else f"{cell.name}: refused: {error.reason}"
    if cell.pixels is None:
        return f"{cell.name}: not refused"
    if found.pixels.shape != cell.pixels.shape:
        return f"{cell.name}: {found.pixels.shape} px in place of {cell.pixels.shape}"
    off = np.abs(found.pixels.astype(int) - cell.pixels).max()
    return f"{cell.name}: off by {off} ({found.note})" if off > cell.near else None


def check(cells: Iterable[Cell]) -> None:
    found = [wrong(cell) for cell in cells]
    faults = [line for line in found if line is not None]
    assert found
    assert not faults, "\n".join(faults[:20])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_tiffs_of_one_layout_and_depth(layout: str, depth: str) -> None:
    check(tiff_cells(layout, depth))


def test_tiffs_of_other_compressions_and_colours() -> None:
    check(other_tiff_cells())


def test_pngs() -> None:
    check(png_cells())


def test_other_formats() -> None:
    check(cells_of_other_formats())


def all_cells() -> Iterable[Cell]:
    for layout, depth in itertools.product(LAYOUTS, DEPTHS):
        yield from tiff_cells(layout, depth)
    yield from itertools.chain(other_tiff_cells(), png_cells(), cells_of_other_formats())


if __name__ == "__main__":  # the numbers alone: python tests/test_decoding_matrix.py
    everything = list(all_cells())
    faults = [line for line in map(wrong, everything) if line is not None]
    refused = sum(cell.pixels is None for cell in everything)
    print(f"{len(everything)} cells tried, {len(everything) - refused} equal, {refused} refused, "
          f"{len(faults)} wrong")  # fmt: skip
    print("\n".join(faults))
