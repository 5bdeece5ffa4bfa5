"""The images of a cell table → a pixel store, each content decoded once."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cell_pixels import CellImage, cell_images, read_cell_pixels
from marrowscope.cells import SCHEMA, read_cells, usable, write_cells
from marrowscope.dataset.pixel_store import CELLS, IMAGE_BYTES, Key, open_for_writing
from marrowscope.errors import InputError, TableError
from marrowscope.preprocessing import pixel_sizes
from marrowscope.progress import Advance

BATCH = 256  # 48 MB of pixels on their way at a time
# Left free on the disk beside the store.
SPARE_BYTES = 500_000_000


@dataclass(frozen=True)
class PackingResult:
    """What a run of ``pack`` did.

    Attributes:
        images: in the store now.
        added: by this run.
        failed: (path, reason) of images that could not be packed.
    """

    images: int
    added: int
    failed: tuple[tuple[str, str], ...]


def pack(table: pl.DataFrame, folder: Path, advance: Advance | None = None) -> PackingResult:
    """Bring every usable image of a table into a store that is made or grown.

    Contents that are there already are not read again, so a killed run continues where it was.
    Memory holds one batch, whatever the number of images.

    Args:
        table: cell table with ``path`` and ``sha256``.
        folder: the store.
        advance: called as ``advance(done, total=...)``.

    Raises:
        InputError: no hashes in the table, no room on the disk, or the store cannot be written.
    """
    rows = usable(table)
    keys = keys_of(rows)
    first: dict[Key, int] = {}
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    paths, cells = rows["path"].to_list(), cell_images(rows)
    failed: list[tuple[str, str]] = []
    with open_for_writing(folder) as writer:
        missing = [(key, row) for key, row in first.items() if key not in writer.keys]
        _require_room(folder, len(missing))
        before = len(writer)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for start in range(0, len(missing), BATCH):
                part = missing[start : start + BATCH]
                images = pool.map(_decoded, (cells[row] for _, row in part), (k for k, _ in part))
                good: list[tuple[Key, NDArray[np.uint8]]] = []
                for (key, row), image in zip(part, images, strict=True):
                    if isinstance(image, str):
                        failed.append((paths[row], image))
                    else:
                        good.append((key, image))
                if good:
                    writer.append([key for key, _ in good], np.stack([image for _, image in good]))
                if advance is not None:
                    advance(len(part), total=len(missing))
        added = len(writer) - before
        _write_table(rows, list(writer.keys), folder)
        return PackingResult(len(writer), added, tuple(failed))


def keys_of(rows: pl.DataFrame) -> list[Key]:
    """By which a store knows the images of these rows.

    Raises:
        InputError: a row has no content hash.
    """
    if "sha256" not in rows.columns or rows["sha256"].null_count():
        raise TableError("the table lacks content hashes (sha256); 'marrowscope index' makes them")
    return list(zip(rows["sha256"].to_list(), pixel_sizes(rows), strict=True))


def _decoded(cell: CellImage, key: Key) -> NDArray[np.uint8] | str:
    """The crop, or why there is none."""
    try:
        return read_cell_pixels(cell, indexed_as=key[0]).crop
    except InputError as error:
        return str(error).removeprefix(f"{cell.path}: ")
    except OSError as error:
        return error.strerror or str(error)


def _require_room(folder: Path, count: int) -> None:
    free, needed = shutil.disk_usage(folder).free, count * IMAGE_BYTES
    if needed and needed + SPARE_BYTES > free:
        raise InputError(
            f"{folder}: {count} images need {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free "
            "on this disk; free space or name another place"
        )


def _write_table(rows: pl.DataFrame, order: list[Key], folder: Path) -> None:
    """The cell table of the store, one row per crop in their order; earlier rows are kept.

    A crop that a killed run left without a row, and that is not in this table either, is known by
    its content only.
    """
    names = ["sha256", "microns_per_pixel"]
    known = rows.with_columns(
        pl.Series("microns_per_pixel", [size for _, size in keys_of(rows)], dtype=pl.Float64)
    )
    path = folder / CELLS
    if path.exists():
        known = pl.concat([known, read_cells(path)], how="diagonal_relaxed")
    known = known.unique(names, keep="first", maintain_order=True)
    table = pl.DataFrame(order, schema={name: SCHEMA[name] for name in names}, orient="row")
    table = table.join(known, on=names, how="left", nulls_equal=True, maintain_order="left")
    table = table.with_columns(
        pl.col("cell_id").fill_null(pl.col("sha256").str.head(16)), pl.col("path").fill_null("")
    )
    write_cells(table.select(known.columns), path)
