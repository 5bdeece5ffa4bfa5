"""Images come in; the same with the stain of the training data, or in a pixel store, go out."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from marrowscope.api.arguments import (
    AnyPath,
    Cells,
    as_table,
    begin,
    file_names,
    naming,
    optional_path,
)
from marrowscope.api.image_input import Images, image_input
from marrowscope.cells import write_cells
from marrowscope.dataset.packing import pack as pack_table
from marrowscope.dataset.pixel_store import IMAGE_BYTES, PixelStore
from marrowscope.dataset.stain_normalization import (
    MIN_IMAGES,
    normalized_images,
    reference_appearance,
)
from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing_folder
from marrowscope.io.image_encoding import encode_png
from marrowscope.progress import Stage

_STALE = ("stain", "sha256", "bytes", "modified_ns")  # measured on the old pixels


@dataclass(frozen=True)
class MatchedImages:
    """Images with another stain.

    Attributes:
        folder: of the PNG images and ``cells.parquet``.
        table: a row per image, with all columns of the source; ``path`` names the new image, or the
            old one where it could not be read.
        unread: number of those.
    """

    folder: Path
    table: pl.DataFrame
    unread: int


def match_stain(
    images: Images,
    reference: Cells,
    output: AnyPath,
    *,
    seed: int = 0,
    progress: Stage | None = None,
) -> MatchedImages:
    """Give images the stain and brightness of the training data, before ``predict``.

    The median of a slide, a patient or the whole set is shifted, so that a pale cell stays pale.

    Args:
        images: files, folders, globs, or cell tables.
        reference: cell table of the training data.
        output: new folder for PNG images and ``cells.parquet``.
        seed: of the images that are looked at.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: too few images, or ``output`` is not empty.
    """
    folder = Path(output)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is not empty; name a new folder")
    table = image_input(images, files_only=True).table
    look = as_table(reference, ("path",))
    try:
        wanted = reference_appearance(look, seed)
    except InputError as error:
        raise InputError(f"{file_names([reference]) or '`reference`'}: {error}") from None
    if table.height < MIN_IMAGES:
        raise InputError(
            f"{_named(images)}: {table.height} images; at least {MIN_IMAGES} are needed"
        )
    paths: list[Any] = table["path"].to_list()
    digits, unread = len(str(table.height)), 0
    with replacing_folder(folder) as place:
        advance = begin(progress, "matching")
        for row, image in normalized_images(table, wanted, seed, advance):
            if image is None:
                unread += 1
                continue
            name = f"{row:0{digits}d}-{Path(paths[row]).stem[:80]}.png"
            (place / name).write_bytes(encode_png(image))
            paths[row] = str(folder.resolve() / name)
        made = _with_ids(table.with_columns(pl.Series("path", paths, pl.String)))
        write_cells(made, place / "cells.parquet")
    return MatchedImages(folder, made, unread)


def _named(images: Images) -> str:
    given = images if isinstance(images, list | tuple) else [images]
    return file_names(given) or "`images`"


def _with_ids(table: pl.DataFrame) -> pl.DataFrame:
    """Drop what was measured on the old pixels; number the cells if they have no ids."""
    table = table.drop(name for name in _STALE if name in table.columns)
    if "cell_id" in table.columns:
        return table
    ids = [f"cell-{row}" for row in range(table.height)]
    return table.select(pl.Series("cell_id", ids), pl.all())


@dataclass(frozen=True)
class PackedImages:
    """A pixel store.

    Attributes:
        folder: of the store.
        images: in it now.
        added: by this call.
        failed: path and reason of images that could not be packed.
    """

    folder: Path
    images: int
    added: int
    failed: tuple[tuple[str, str], ...]

    @property
    def table(self) -> pl.DataFrame:
        """One row per image that could not be packed: ``path`` and ``error``."""
        schema = {"path": pl.String, "error": pl.String}
        return pl.DataFrame(list(self.failed), schema=schema, orient="row")

    @property
    def gigabytes(self) -> float:
        """On the disk, in 10⁹ bytes."""
        return self.images * IMAGE_BYTES / 1e9


def pack(
    cells: Cells,
    output: AnyPath | None = None,
    *,
    verify: bool = False,
    progress: Stage | None = None,
) -> PackedImages:
    """Decode every image once into a store that training maps into memory.

    Images that are in the store already are not read again; a call that was killed goes on.

    Args:
        cells: table with ``path`` and ``sha256``, as ``index`` makes it.
        output: store to make or extend; None: beside the file of the table, where ``train`` finds
            it.
        verify: check every packed image afterwards.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: no hashes in the table, no room on the disk, or a damaged store.
    """
    folder = optional_path(output)
    if folder is None:
        if not isinstance(cells, str | os.PathLike):
            raise InputError("`output`: name the store; only a table on disk has a place for it")
        folder = Path(cells).with_suffix(".store")
    with naming(cells):
        packed = pack_table(as_table(cells), folder, begin(progress, "packing"))
    if verify:
        store, advance = PixelStore(folder), begin(progress, "verifying")
        for row in range(len(store)):
            store.verify(np.array([row]))
            advance(1, total=len(store))
    return PackedImages(folder, packed.images, packed.added, packed.failed)
