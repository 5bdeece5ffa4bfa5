"""Boxes of annotation tools come in; a cell table, and the cells as images, come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from marrowscope.api.arguments import AnyPath, begin, optional_path, path_list
from marrowscope.cells import LABORATORY, require_table_name, write_cells
from marrowscope.dataset.discovery_rules import laboratory_name
from marrowscope.errors import InputError
from marrowscope.exchange.box_cells import BoxCells, cells_from_boxes
from marrowscope.exchange.box_crops import require_empty, write_box_crops
from marrowscope.exchange.box_formats import read_boxes
from marrowscope.exchange.boxes import joined
from marrowscope.exchange.class_names import load_synonyms
from marrowscope.preprocessing import require_pixel_size
from marrowscope.progress import Stage


@dataclass(frozen=True)
class IndexedBoxes:
    """Boxes as cells.

    Attributes:
        table: the cell table; rows with an ``error`` cannot be used.
        cells: names in the files and what became of them, boxes left out, notes.
        format: of the files.
    """

    table: pl.DataFrame
    cells: BoxCells
    format: str

    @property
    def bad(self) -> tuple[tuple[str, str], ...]:
        """Path and reason of boxes that cannot be used."""
        return tuple(
            self.table.filter(pl.col("error").is_not_null()).select("path", "error").rows()
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said of the files."""
        return self.cells.notes


def index_boxes(
    paths: AnyPath | Sequence[AnyPath],
    output: AnyPath | None = None,
    *,
    root: AnyPath | None = None,
    synonyms: AnyPath | None = None,
    microns_per_pixel: float | None = None,
    crops: AnyPath | None = None,
    stains: bool = False,
    laboratory: str | None = None,
    progress: Stage | None = None,
) -> IndexedBoxes:
    """Make a cell table of annotated fields, and cut the cells out of them.

    Args:
        paths: COCO .json, YOLO folder, VOC .xml or folder, GeoJSON.
        output: table to write (.parquet or .csv).
        root: folder to which the pictures are relative; None: that of the file.
        synonyms: YAML or CSV, names in the files → class codes.
        microns_per_pixel: of pictures that do not say it; needed for crops.
        crops: new or empty folder for crops of 250×250 px, sorted by class.
        stains: with ``crops``: estimate stain vectors too.
        laboratory: that made the pictures.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: no box, a file that cannot be read, or an argument that does not fit.
    """
    place, folder = optional_path(output), optional_path(crops)
    if place is not None:
        require_table_name(place)
    if microns_per_pixel is not None:
        require_pixel_size(microns_per_pixel)
    made_by = None if laboratory is None else laboratory_name(laboratory)
    if folder is not None:
        require_empty(folder)
    elif stains:
        raise InputError("`stains`: boxes have stain vectors only when they are cut out (`crops`)")
    names = {} if synonyms is None else load_synonyms(Path(synonyms))
    sources = path_list(paths)
    found = joined([read_boxes(path, optional_path(root)) for path in sources])
    cells = cells_from_boxes(found, names, microns_per_pixel, begin(progress, "reading pictures"))
    table = cells.table
    if not table.height:
        raise InputError(f"{sources[0]}: all {cells.left_out} boxes are left out by {synonyms}")
    if folder is not None:
        advance = begin(progress, "cutting out cells")
        table = write_box_crops(table, folder, advance, stain=stains)
    if made_by is not None:
        table = table.with_columns(pl.lit(made_by, pl.String).alias(LABORATORY))
    if place is not None:
        write_cells(table, place)
    return IndexedBoxes(table, cells, found.format)
