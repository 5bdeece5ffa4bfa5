"""Slides and fields come in, a table of their cells comes out."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from marrowscope.api.arguments import AnyPath, optional_path
from marrowscope.api.smear_input import Source, slide_inputs
from marrowscope.cells import LABORATORY, require_table_name, write_cells
from marrowscope.dataset.discovery_rules import laboratory_name
from marrowscope.detection.detect_cells import (
    CROP_NAME,
    detect_cells,
    require_cells,
    require_distinct_ids,
)
from marrowscope.exchange.geojson_writer import by_picture, require_target, write_pictures
from marrowscope.io.filling import filling
from marrowscope.progress import Stage
from marrowscope.slides.slide import CorruptTile
from marrowscope.slides.source_kind import View


@dataclass(frozen=True)
class Detection:
    """Cells that were found, and what was looked at.

    Attributes:
        table: the cells of all sources.
        fields: that were looked at.
        corrupt: source and place of what could not be read.
        geojson: files for QuPath that were written.
        remarks: a line for every source taken for something else than its container suggests, and
            for every conversion on reading and for what was passed over in a folder.
    """

    table: pl.DataFrame
    fields: int
    corrupt: tuple[tuple[str, CorruptTile], ...]
    geojson: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()


def detect(
    sources: Source | Sequence[Source],
    *,
    microns_per_pixel: float | None = None,
    taken_as: str | None = None,
    enough: int | None = None,
    crops: AnyPath | None = None,
    output: AnyPath | None = None,
    geojson: AnyPath | None = None,
    laboratory: str | None = None,
    progress: Stage | None = None,
) -> pl.DataFrame:
    """Find the nucleated cells of fields or slides.

    Of a slide, only fields where cells can be judged are looked at.

    Args:
        sources: field images, folders of them, slides; or fields as (H, W, 3) or (N, H, W, 3) uint8
            RGB arrays, or a list of them, which are called ``field-1.png`` and so on.
        microns_per_pixel: pixel size; needed where the file does not say it, as for fields.
        taken_as: "field" or "slide": what a single picture is; None: what its size and content say.
        enough: cells after which a slide is left; None: all.
        crops: new or empty folder for a 250×250 px PNG of every cell; ``path`` then names it. What
            a killed run left in it is written anew.
        output: table to write (.parquet or .csv).
        geojson: the cells for QuPath: a .geojson, or a folder for several fields.
        laboratory: that made the pictures; a column of the table.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Returns:
        A cell table: where each cell lies, its size, and what kind of object it is.

    Raises:
        InputError: a source cannot be read or has no cell, or its pixel size is not known.
    """
    return detect_in(
        sources,
        microns_per_pixel=microns_per_pixel,
        taken_as=taken_as,
        enough=enough,
        crops=crops,
        output=output,
        geojson=geojson,
        laboratory=laboratory,
        progress=progress,
    ).table


def detect_in(
    sources: Source | Sequence[Source],
    *,
    microns_per_pixel: float | None = None,
    taken_as: str | None = None,
    enough: int | None = None,
    crops: AnyPath | None = None,
    output: AnyPath | None = None,
    geojson: AnyPath | None = None,
    laboratory: str | None = None,
    progress: Stage | None = None,
) -> Detection:
    """As ``detect``, with the number of fields and what could not be read.

    Raises:
        InputError: as ``detect``.
    """
    place, folder, target = map(optional_path, (output, crops, geojson))
    if place is not None:
        require_table_name(place)
    made_by = None if laboratory is None else laboratory_name(laboratory)
    given = slide_inputs(sources, microns_per_pixel, View.named(taken_as), "sources")
    if target is not None:
        require_target(target, sum(max(1, len(one.slide.fields)) for one in given))
    require_distinct_ids([one.slide for one in given])
    frames, fields, corrupt, remarks = [], 0, [], []
    pictures: dict[str, pl.DataFrame] = {}
    with nullcontext() if folder is None else filling(folder, CROP_NAME):
        for one in given:
            slide, file_name = one.slide, Path(one.name).name
            remarks += [slide.remark] if slide.remark else []
            advance = None if progress is None else progress(f"detecting in {file_name}")
            found = detect_cells(slide, enough, folder, advance)
            require_cells(found, one.name)
            lines = [*slide.reading_remarks, *([found.remark] if found.remark else [])]
            remarks += [f"{one.name}: {line}" for line in lines]
            cells = found.cells
            if one.in_memory and folder is None:
                cells = cells.with_columns(path=pl.lit(None, pl.String))
            frames.append(cells)
            # The pixel size of the picture: crops have the standard one, and do not say it.
            placed = cells.with_columns(microns_per_pixel=pl.lit(slide.microns_per_pixel))
            for name, shown in by_picture(placed, one.name).items():
                pictures[f"{file_name}/{name}" if name in pictures else name] = shown
            fields += found.fields
            corrupt += [(one.name, tile) for tile in found.corrupt]
        table = pl.concat(frames)
        if made_by is not None:
            table = table.with_columns(pl.lit(made_by, pl.String).alias(LABORATORY))
        if place is not None:
            write_cells(table, place)
    written = () if target is None else write_pictures(pictures, target)
    return Detection(table, fields, tuple(corrupt), written, tuple(remarks))
