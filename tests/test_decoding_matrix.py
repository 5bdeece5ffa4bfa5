"""Every cell of depth, layout, compression and byte order: equal to other readers, or refused."""

import itertools
import re
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from marrowscope.errors import InputError
from marrowscope.io.image_decoding import decode_noted
from marrowscope.io.image_file import ImageError
from marrowscope.slides import source_kind
from marrowscope.slides.open_slide import open_slide
from marrowscope.slides.openslide_guard import probe_each
from support.decoding_cells import (
    DEPTHS,
    LAYOUTS,
    Cell,
    bigtiff_cells,
    cells_of_other_formats,
    other_tiff_cells,
    png_cells,
    tiff_cells,
)
from support.stream_cells import stream_cells
from support.tiled_cells import OTHERWISE, by_openslide, shown_alike, tiled_cells


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


def test_tiffs_whose_pieces_are_pictures_of_another_format() -> None:
    check(stream_cells())


def test_bigtiffs() -> None:
    check(bigtiff_cells())


def test_pngs() -> None:
    check(png_cells())


def test_other_formats() -> None:
    check(cells_of_other_formats())


def compared_in(folder: Path) -> list[tuple[str, str | None]]:
    """Files in tiles, opened as slides and by OpenSlide itself: what came of it, what is wrong.

    Where OpenSlide is known to show something else, that has to be so, and ours is what tifffile
    reads.
    """
    cells = list(tiled_cells())
    paths = [folder / f"{number}.tif" for number in range(len(cells))]
    for cell, path in zip(cells, paths, strict=True):
        path.write_bytes(cell.data)
    # Asked for in one process, as a folder of DICOM files is, in place of one process each.
    answers = dict(zip(paths, probe_each(paths), strict=True))
    with mock.patch.object(source_kind, "probe", answers.__getitem__):
        return [compared(cell, path) for cell, path in zip(cells, paths, strict=True)]


def compared(cell: Cell, path: Path) -> tuple[str, str | None]:
    """One of them."""
    try:
        slide = open_slide(path, 0.25)
        found = slide.read_region(0, 0, *slide.size)
    except InputError as error:
        right = cell.pixels is None and re.search(cell.reason, str(error))
        return "refused", None if right else f"{cell.name}: refused: {error}"
    if cell.pixels is None:
        return "read", f"{cell.name}: not refused"
    if slide.corrupt or found.shape != cell.pixels.shape:
        return "read", f"{cell.name}: {found.shape} px in place of {cell.pixels.shape}"
    off = np.abs(found.astype(int) - cell.pixels).max()
    if off > cell.near:
        return "read", f"{cell.name}: off by {off} from tifffile"
    other = by_openslide(path)
    if isinstance(other, str):
        return "not opened by OpenSlide", None
    alike = other.shape == found.shape and np.allclose(other, found, rtol=0, atol=2)
    if alike != shown_alike(cell):
        return "read", f"{cell.name}: OpenSlide shows {'the same' if alike else 'something else'}"
    return "equal" if alike else "misread by OpenSlide", None


def test_tiles_opened_as_slides_are_what_tifffile_and_openslide_read(tmp_path: Path) -> None:
    found = compared_in(tmp_path)
    faults = [fault for _, fault in found if fault is not None]
    assert not faults, "\n".join(faults[:20])
    kinds = Counter(kind for kind, _ in found)
    assert min(kinds[kind] for kind in ("equal", "refused", "misread by OpenSlide")) >= len(
        OTHERWISE
    )


def all_cells() -> Iterable[Cell]:
    for layout, depth in itertools.product(LAYOUTS, DEPTHS):
        yield from tiff_cells(layout, depth)
    yield from itertools.chain(
        other_tiff_cells(), stream_cells(), bigtiff_cells(), png_cells(), cells_of_other_formats()
    )


if __name__ == "__main__":  # the numbers alone: python tests/test_decoding_matrix.py
    everything = list(all_cells())
    faults = [line for line in map(wrong, everything) if line is not None]
    refused = sum(cell.pixels is None for cell in everything)
    print(f"{len(everything)} cells tried, {len(everything) - refused} equal, {refused} refused, "
          f"{len(faults)} wrong")  # fmt: skip
    print("\n".join(faults))
    with tempfile.TemporaryDirectory() as folder:
        slides = compared_in(Path(folder))
    told = ", ".join(
        f"{number} {kind}" for kind, number in Counter(kind for kind, _ in slides).items()
    )
    print(f"{len(slides)} files in tiles opened as slides: {told}")
    print("\n".join(fault for _, fault in slides if fault is not None))
