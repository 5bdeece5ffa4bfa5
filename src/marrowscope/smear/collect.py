"""From a slide or fields to a cell table: where to look, detection, crops."""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import SCHEMA
from marrowscope.errors import InputError
from marrowscope.files import replacing
from marrowscope.images import encode_png
from marrowscope.smear.contour import smear_contour
from marrowscope.smear.crops import crop_at
from marrowscope.smear.detect import detect
from marrowscope.smear.judge import judge
from marrowscope.smear.plan import FieldPlan, PlannedField, Walk, plan_fields
from marrowscope.smear.slide import CorruptTile, Slide

# Around a planned field of a slide: cells at its edge are seen whole, with room for a crop.
MARGIN_MICRONS = 25.0

Advance = Callable[..., None]


@dataclass(frozen=True)
class Collected:
    """What was found in one slide or set of fields.

    Attributes:
        cells: cell table with the columns of ``detect`` beside; ``x``, ``y`` in px of level 0, for
            field images in px of the field.
        fields: fields that were looked at.
        corrupt: pieces that could not be read and were left out.
    """

    cells: pl.DataFrame
    fields: int
    corrupt: tuple[CorruptTile, ...]


def collect(
    slide: Slide, enough: int | None = None, crops: Path | None = None,
    advance: Advance | None = None,
) -> Collected:  # fmt: skip
    """Find the nucleated cells of a source.

    Of field images all are looked at. Of a whole slide the fields of its plan are, in their order,
    until there are enough cells.

    Args:
        slide: the source.
        enough: cells after which no further field is looked at; None = all fields.
        crops: folder for the 250×250 px crops, PNG; ``path`` then names them. None = no crops, and
            ``path`` names the source.
        advance: progress over fields.

    Raises:
        InputError: no smear or nothing that can be judged on a slide, a pixel size with which
            cells cannot be seen, or the crops cannot be written.
    """
    plan = _fields_as_they_are(slide) if slide.fields else _planned(slide)
    walk = Walk(plan, enough if enough is not None else 2**62)
    workers = os.cpu_count() or 1
    frames: list[pl.DataFrame] = []
    with ThreadPoolExecutor(workers) as pool:
        fields = iter(walk)
        while batch := list(islice(fields, workers)):
            found = pool.map(lambda field: _in_field(slide, field, crops), batch)
            for field, cells in zip(batch, found, strict=True):
                walk.tell(field, cells.height)
                frames.append(cells.with_columns(order=pl.lit(field.order)))
                if advance is not None:
                    advance(1, total=len(plan.fields))
    used = {field.order for field in walk.used}
    table = pl.concat(frames) if frames else pl.DataFrame(schema=_columns())
    if "order" in table.columns:
        table = table.filter(pl.col("order").is_in(list(used))).drop("order")
    return Collected(table, len(used), slide.corrupt)


def _fields_as_they_are(slide: Slide) -> FieldPlan:
    fields = tuple(
        PlannedField(place, one.x, one.y, one.width, one.height, 1.0, 0.0, 0, one.name)
        for place, one in enumerate(slide.fields)
    )
    return FieldPlan(fields, len(fields))


def _planned(slide: Slide) -> FieldPlan:
    contour = smear_contour(slide)
    return plan_fields(slide, judge(slide, contour, os.cpu_count() or 1))


def _in_field(slide: Slide, field: PlannedField, crops: Path | None) -> pl.DataFrame:
    """Cells of one field, each with its place in the table's own columns."""
    whole = bool(slide.fields)
    margin = 0 if whole else round(MARGIN_MICRONS / slide.microns_per_pixel)
    left, top = field.x - margin, field.y - margin
    pixels = slide.read_region(left, top, field.width + 2 * margin, field.height + 2 * margin)
    found = detect(pixels, slide.microns_per_pixel)
    # The next field begins where this one ends: a cell on the seam belongs to one of them.
    inside = (
        (pl.col("x") >= margin)
        & (pl.col("x") < margin + field.width)
        & (pl.col("y") >= margin)
        & (pl.col("y") < margin + field.height)
    )
    found = found.filter(inside) if margin else found
    names = [_cell_id(slide, field, number) for number in range(found.height)]
    paths = [slide.name] * found.height
    if crops is not None:
        paths = list(_write_crops(pixels, found, slide.microns_per_pixel, crops, names))
    shift_x, shift_y = (0, 0) if whole else (left, top)
    return found.with_columns(
        *(pl.col(name) + shift_x for name in ("x", "x0", "x1")),
        *(pl.col(name) + shift_y for name in ("y", "y0", "y1")),
        cell_id=pl.Series(names, dtype=pl.String),
        path=pl.Series(paths, dtype=pl.String),
        slide_id=pl.lit(Path(slide.name).stem),
        field_id=pl.lit(field.name),
        # A crop has the standard pixel size already: what is said here is the crop's.
        microns_per_pixel=pl.lit(None if crops is not None else slide.microns_per_pixel,
                                 dtype=pl.Float64),
    ).select(*_columns())  # fmt: skip


def _columns() -> dict[str, pl.DataType]:
    own = {
        name: SCHEMA[name]
        for name in ("cell_id", "path", "slide_id", "field_id", "x", "y", "microns_per_pixel")
    }
    sides = dict.fromkeys(("x0", "y0", "x1", "y1", "nuclear_area"), pl.Float64())
    return {**own, **sides, "score": pl.Float32(), "touches_border": pl.Boolean()}


def _cell_id(slide: Slide, field: PlannedField, number: int) -> str:
    """The same at every run: from the names of source and field and the place in the field."""
    source = hashlib.sha256(f"{Path(slide.name).name}/{field.name}".encode()).hexdigest()[:12]
    return f"{source}-{number:04d}"


def _write_crops(
    pixels: NDArray[np.uint8], found: pl.DataFrame, microns: float, folder: Path, names: list[str]
) -> Iterator[str]:
    for (x, y), name in zip(found.select("x", "y").rows(), names, strict=True):
        path = folder / f"{name}.png"
        with replacing(path) as temporary:
            temporary.write_bytes(encode_png(crop_at(pixels, x, y, microns)))
        yield str(path)


def require_cells(collected: Collected, name: str) -> None:
    """Refuse an empty result.

    Raises:
        InputError: no cell was found.
    """
    if not collected.cells.height:
        raise InputError(
            f"{name}: no nucleated cell in {collected.fields} fields; is it a stained smear, and "
            "is the pixel size right?"
        )
