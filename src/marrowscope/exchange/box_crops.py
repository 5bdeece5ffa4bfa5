"""Cut the cells of a table out of their pictures: PNG in folders by class."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cell_pixels import CellImage, read_cell
from marrowscope.cells import IN_FIELD, SCHEMA
from marrowscope.dataset.folder_names import meaning_of
from marrowscope.dataset.indexing import measure_file
from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing
from marrowscope.io.folder_guards import is_taken
from marrowscope.io.image_encoding import encode_png
from marrowscope.io.image_file import ImageError
from marrowscope.progress import Advance

_MEASURED = ("sha256", "width", "height", "bytes", "modified_ns")
_FORBIDDEN = set('/\\:*?"<>|\0')


def write_box_crops(
    table: pl.DataFrame,
    folder: Path,
    advance: Advance | None = None,
    workers: int | None = None,
    stain: bool = False,
) -> pl.DataFrame:
    """Cut the standard 250×250 px at 0.08625 µm/px around every cell that can be used.

    They go to ``folder/LABEL/cell_id.png``, which ``index`` reads back with the same labels, cells
    without a label to ``folder`` itself. What lies outside of a field is mirrored, of a slide
    white.

    Args:
        table: of ``cells_from_boxes``.
        folder: new or empty.
        advance: called as ``advance(done, total=...)``.
        workers: threads, one picture each.
        stain: fill the column ``stain`` too.

    Returns:
        The table with ``path``, hash and size of the crops; ``microns_per_pixel`` is null, for the
        crops have the standard pixel size. Rows with an error stay as they are.

    Raises:
        InputError: the folder holds something, the pixel size of a picture is not known, or a label
            cannot be the name of a folder that is read back.
    """
    require_empty(folder)
    good = pl.col("error").is_null()
    usable = table.filter(good)
    unknown = usable.filter(pl.col("microns_per_pixel").is_null())
    if unknown.height:
        raise InputError(
            f"{unknown['path'][0]}: its pixel size is not known, which a crop needs; give "
            "`microns_per_pixel` (a red cell is about 7.5 µm wide)"
        )
    _refuse_labels(sorted(set(usable["label"].drop_nulls().to_list())))
    frames = usable.partition_by("path", maintain_order=True)
    made: dict[str, dict[str, object]] = {}
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        for rows in pool.map(partial(_cut, folder=folder, stain=stain), frames):
            made |= rows
            if advance is not None:
                advance(len(rows), total=usable.height)
    more = ("stain",) if stain else ()
    columns = ("path", *_MEASURED, "error", "note", "microns_per_pixel", IN_FIELD, *more)
    changed = [made.get(row["cell_id"], row) for row in table.iter_rows(named=True)]
    return table.with_columns(
        pl.Series(name, [row.get(name) for row in changed], dtype=SCHEMA[name]) for name in columns
    )


def require_empty(folder: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        InputError: it does, or is no folder.
    """
    if is_taken(folder):
        raise InputError(f"{folder}: is not an empty folder; choose another one")


def _refuse_labels(labels: list[str]) -> None:
    """Labels that ``index`` would not read back from the name of a folder."""
    for label in labels:
        wrong = (
            set(label) & _FORBIDDEN
            or label.startswith(".")
            or label != label.strip()
            or meaning_of([label]).label != label
        )
        if wrong:
            raise InputError(
                f"label {label!r} cannot be the name of a folder of crops; give it another name in "
                "a file for `synonyms`"
            )


def _cut(rows: pl.DataFrame, folder: Path, stain: bool) -> dict[str, dict[str, object]]:
    """Crops of the cells of one picture; what is known of each by its id."""
    made = {}
    crops = _crops(rows)
    for row, crop in zip(rows.iter_rows(named=True), crops, strict=True):
        if isinstance(crop, str):
            made[row["cell_id"]] = {**row, "error": crop}
            continue
        place = (folder / (row["label"] or "") / f"{row['cell_id']}.png").absolute()
        with replacing(place) as temporary:
            temporary.write_bytes(encode_png(crop))
        facts = measure_file(str(place), stain)
        made[row["cell_id"]] = {
            **row,
            **facts,
            "note": row["note"],
            "microns_per_pixel": None,
            IN_FIELD: False,
        }
    return made


def _crops(rows: pl.DataFrame) -> Iterator[NDArray[np.uint8] | str]:
    """The crops in the order of the rows, or why there is none."""
    for path, microns, x, y in rows.select("path", "microns_per_pixel", "x", "y").rows():
        try:
            yield read_cell(CellImage(path, microns, (x, y)))
        except ImageError as error:
            yield error.reason
