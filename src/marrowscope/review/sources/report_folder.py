"""Report folder of a count → a smear to review."""

import hashlib
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.cells import read_cells
from marrowscope.errors import InputError
from marrowscope.io.json_data import JsonError, parse_json
from marrowscope.io.regular_file import read_regular
from marrowscope.report.count.count_data import KIND
from marrowscope.review.sources.smear_record import FIELDS, SLIDE, FieldRecord, SmearRecord

_DATA, _CELLS = "count.json", "cells.parquet"
_LARGEST = 64_000_000  # bytes of a count.json


def is_report_folder(path: Path) -> bool:
    """Whether a path is a folder with a count in it."""
    return (path / _DATA).is_file() and (path / _CELLS).is_file()


def read_report_folder(folder: Path) -> SmearRecord:
    """Read a count with its cells.

    Args:
        folder: that ``count`` wrote.

    Raises:
        InputError: it is no report of a count, or damaged.
    """
    data = _count_data(folder / _DATA)
    cells = read_cells(folder / _CELLS, ("x", "y", "field_id"), required=("cell_id",))
    pixel = data.get("microns_per_pixel")
    sources = [_found(str(one), folder) for one in data.get("sources", ())]
    listed = data.get("fields", ())
    own_pictures = data.get("smear_area_mm2") is None and not _is_slide(cells, listed)
    fields = tuple(
        FieldRecord(
            str(one["name"]),
            _field_path(str(one["name"]), sources) if own_pictures else None,
            int(one["x"]), int(one["y"]), int(one["width"]), int(one["height"]),
        )
        for one in listed
    )  # fmt: skip
    slide = str(sources[0]) if sources else None
    paths = {one.name: one.path if own_pictures else slide for one in fields}
    table = cells.with_columns(
        path=pl.col("field_id").replace_strict(paths, default=slide, return_dtype=pl.String),
        in_field=pl.lit(True),
        microns_per_pixel=pl.lit(pixel, pl.Float64),
    )
    model = data.get("model") or {}
    return SmearRecord(
        name=str(data.get("name") or folder.name),
        kind=FIELDS if own_pictures else SLIDE,
        sources=tuple(str(one) for one in sources),
        content=hashlib.sha256((folder / _CELLS).read_bytes()).hexdigest(),
        cells=table,
        fields=fields,
        microns_per_pixel=pixel,
        model=(str(model.get("name")), str(model.get("weights_sha256"))) if model else None,
        report_folder=str(folder.absolute()),
        remarks=tuple(str(one) for one in data.get("remarks", ())),
    )


def _count_data(path: Path) -> dict[str, Any]:
    try:
        data = parse_json(read_regular(path, _LARGEST))
    except JsonError as error:
        raise InputError(f"{path}: is no count ({error}); count the smear again") from None
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise InputError(f"{path}: is not the count of a smear")
    return data


def _is_slide(cells: pl.DataFrame, fields: Any) -> bool:
    """Whether fields are rectangles of one picture: those of a camera all begin at 0, 0."""
    return any(one["x"] or one["y"] for one in fields)


def _found(source: str, folder: Path) -> Path:
    """A source as given to ``count``, looked for from here, and from the report."""
    given = Path(source)
    for base in (Path.cwd(), folder, folder.parent):
        if (base / given).exists():
            return (base / given).absolute()
    return given.absolute()


def _field_path(name: str, sources: list[Path]) -> str | None:
    """The file of a field: one of the sources, or in a folder among them."""
    for source in sources:
        if source.name == name:
            return str(source)
        if (source / name).is_file():
            return str(source / name)
    folders = [source for source in sources if not source.suffix]
    return str((folders or sources)[0] / name) if sources else None
