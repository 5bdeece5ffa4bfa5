"""Cells that lie in whole slides: a path goes in, what an index says of a slide comes out.

A slide is no image of an index, which reads images whole. Where a row has a place in one, the cell
is cut out there, by the reader of slides.
"""

from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.cells import IN_FIELD, SCHEMA
from marrowscope.errors import InputError
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.slides.open_slide import open_source
from marrowscope.slides.placed_pictures import picture_digest
from marrowscope.slides.source_kind import SourceKind, identify_source

_FACTS = ("sha256", "width", "height", "bytes", "modified_ns", "microns_per_pixel", "slide_id")


def slide_facts(path: str, microns_per_pixel: float | None = None) -> dict[str, Any] | None:
    """What a cell table says of a slide: digest, size, pixel size (None: not known), name.

    Args:
        path: of the slide.
        microns_per_pixel: in place of what it says.

    Returns:
        None of what is no slide, however damaged it is as an image.

    Raises:
        InputError: a slide that cannot be opened.
    """
    source = identify_source(Path(path))
    if source.kind is SourceKind.FIELD_IMAGES:
        return None
    known = True
    try:
        slide = open_source(source, microns_per_pixel)
    except InputError:
        known = False  # damaged, which is told now, or without a pixel size
        slide = open_source(source, microns_per_pixel or MICRONS_PER_PIXEL)
    status = source.files[0].stat()
    return {
        "sha256": picture_digest(source),
        "width": slide.size[0],
        "height": slide.size[1],
        "bytes": status.st_size,
        "modified_ns": status.st_mtime_ns,
        "microns_per_pixel": slide.microns_per_pixel if known else None,
        "slide_id": Path(path).stem,
    }


def with_slides(table: pl.DataFrame, microns_per_pixel: float | None = None) -> pl.DataFrame:
    """Take rows with a place in a slide for cells, where the slide could not be read as an image.

    Args:
        table: with ``path``, ``error`` and ``width``, which is null of what could not be read;
            ``x`` and ``y`` as far as known.
        microns_per_pixel: of slides that do not say it.
    """
    if not {"x", "y"} <= set(table.columns):
        return table
    placed = pl.col("x").is_not_null() & pl.col("y").is_not_null() & pl.col("path").is_not_null()
    failed = table.select(placed & pl.col("width").is_null()).to_series()
    found: dict[str, dict[str, Any]] = {}
    for path in table.filter(failed)["path"].unique(maintain_order=True):
        try:
            facts = slide_facts(path, microns_per_pixel)
        except (InputError, OSError, ValueError):  # what was wrong with it as an image is said
            continue
        if facts is not None:
            found[path] = facts
    return _filled(table, failed.to_list(), found)


def with_pixel_sizes(table: pl.DataFrame) -> pl.DataFrame:
    """Add the pixel sizes that slides say themselves, where small ones were read as images."""
    own = table["microns_per_pixel"] if "microns_per_pixel" in table.columns else None
    lies = table[IN_FIELD].fill_null(False)
    open_ = lies if own is None else lies & own.is_null()
    sizes: dict[str, float | None] = {}
    for path in table.filter(open_)["path"].unique():
        try:
            facts = slide_facts(path)
        except (InputError, OSError, ValueError):
            facts = None
        sizes[path] = None if facts is None else facts["microns_per_pixel"]
    if not any(sizes.values()):
        return table
    values = [None] * table.height if own is None else own.to_list()
    for row, path in enumerate(table["path"].to_list()):
        if open_[row]:
            values[row] = sizes[path]
    return table.with_columns(pl.Series("microns_per_pixel", values, dtype=pl.Float64))


def _filled(
    table: pl.DataFrame, failed: list[bool], found: dict[str, dict[str, Any]]
) -> pl.DataFrame:
    if not found:
        return table
    paths = table["path"].to_list()
    rows = [row for row, one in enumerate(failed) if one and paths[row] in found]
    columns = {
        name: table[name].to_list() if name in table.columns else [None] * table.height
        for name in (*_FACTS, "error", "note")
    }
    for row in rows:
        facts = found[paths[row]]
        for name in _FACTS:
            kept = name in ("microns_per_pixel", "slide_id") and columns[name][row] is not None
            if not kept:
                columns[name][row] = facts[name]
        columns["error"][row] = columns["note"][row] = None
    return table.with_columns(
        pl.Series(name, values, dtype=SCHEMA[name]) for name, values in columns.items()
    )
