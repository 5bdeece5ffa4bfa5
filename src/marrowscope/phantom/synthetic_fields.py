"""A folder of synthetic fields that differ as those of many smears do, with their truth."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from marrowscope.cells import write_cells
from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing_folder
from marrowscope.io.folder_guards import require_earlier_output
from marrowscope.io.image_file import MASK_SUFFIX
from marrowscope.phantom.camera import draw_style
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings, validate_settings
from marrowscope.phantom.marked_images import (
    LIST,
    README,
    TABLE,
    jpeg_with_comment,
    png_with_comment,
)
from marrowscope.phantom.synthetic_field import draw_field
from marrowscope.progress import Advance

_COMMENT = "synthetic: drawn by marrowscope, no patient, no microscope"
_TEXT = (
    "Synthetic fields of marrow smears, drawn by marrowscope: no patient, no microscope.\n"
    "Nothing measured on them says anything about real cells.\n\n"
    "field_0001.jpg is an image; field_0001.mask.png its cells (16 bit: 0 or the cell's\n"
    "'instance' in cells.parquet), field_0001.nucleus.mask.png what is seen of nuclei,\n"
    "field_0001.judgeable.mask.png where cells can be judged (both 0 or 255).\n"
    "cells.parquet and cells.csv hold class, centre, box and radius of every cell.\n"
)


def write_fields(
    folder: Path,
    count: int,
    settings: FieldSettings | None = None,
    seed: int = 0,
    vary: bool = True,
    advance: Advance | None = None,
) -> pl.DataFrame:
    """Write fields as JPEG of quality 95 with masks and one cell table, in one rename.

    Args:
        folder: must not exist, or hold an earlier set of fields, which is replaced.
        count: number of fields.
        settings: what they hold.
        seed: the same seed gives the same files.
        vary: let density, thickness, zones and light differ between fields, see ``vary_settings``.
        advance: called as ``advance(done, total=...)``.

    Returns:
        The cells of all fields; paths are absolute.

    Raises:
        InputError: ``folder`` holds something else, or a setting is out of range.
    """
    folder = Path(folder).absolute()
    settings = settings if settings is not None else FieldSettings()
    if not 1 <= count <= 9999:
        raise InputError(f"{count} fields: expected from 1 to 9999")
    validate_settings(settings, seed)
    require_earlier_output(folder, {LIST: None, README: _TEXT.encode()})
    library = CellLibrary(settings.microns_per_pixel, seed)
    tables = []
    with replacing_folder(folder) as place:
        for number in range(1, count + 1):
            own = vary_settings(settings, seed, number) if vary else settings
            drawn = draw_field(own, seed * 100_003 + number, library)
            name = f"field_{number:04d}"
            data = jpeg_with_comment(drawn.image, _COMMENT)
            (place / f"{name}.jpg").write_bytes(data)
            for kind, mask in (
                ("", drawn.cell_mask),
                (".nucleus", np.where(drawn.nucleus_mask, np.uint8(255), np.uint8(0))),
                (".judgeable", np.where(drawn.judgeable, np.uint8(255), np.uint8(0))),
            ):
                (place / f"{name}{kind}{MASK_SUFFIX}").write_bytes(
                    png_with_comment(mask, _COMMENT, 3)
                )
            tables.append(
                drawn.cells.with_columns(
                    path=pl.lit(str(folder / f"{name}.jpg")),
                    field_id=pl.lit(name),
                    sha256=pl.lit(hashlib.sha256(data).hexdigest()),
                )
            )
            if advance is not None:
                advance(1, total=count)
        table = pl.concat(tables)
        write_cells(table, place / TABLE)
        relative = table.with_columns(pl.col("path").str.strip_prefix(f"{folder}/"))
        write_cells(relative, place / LIST)
        (place / README).write_text(_TEXT, encoding="utf-8")
    return table


def vary_settings(settings: FieldSettings, seed: int, number: int) -> FieldSettings:
    """The settings of one field of a set.

    Stain and white balance of its own; density between 0.5 and 1.7 times what was asked, red
    cells between 0.4 and 1.6 times; one field in four has a marrow particle, one in four fat
    holes, one in four a blurred zone, one in four a strong gradient of the stain.
    """
    rng = np.random.Generator(np.random.PCG64([seed, number, 0xF5E7]))
    with_particle, with_fat, with_blur, with_slope = (rng.random(4) < 0.25).tolist()
    # Stain and white balance wander further than the light of one well-kept microscope.
    style = settings.style if settings.style is not None else draw_style(rng)
    balance = np.exp(rng.normal(0, 0.04, 3)) * np.array(style.light)
    gains = np.exp(rng.normal(0, 0.12, 3)) * np.array(style.gains)
    red, green, blue = np.clip(balance, 60, 254).tolist()
    azure, eosin, pigment = gains.tolist()
    style = replace(style, light=(red, green, blue), gains=(azure, eosin, pigment))
    share, slope = float(rng.uniform(0.1, 0.4)), float(rng.uniform(0.3, 0.6))
    return replace(
        settings,
        cells_per_mm2=settings.cells_per_mm2 * float(rng.uniform(0.5, 1.7)),
        red=settings.red * float(rng.uniform(0.4, 1.6)),
        particles=settings.particles + 1.5 * with_particle,
        fat_holes=settings.fat_holes + 5.0 * with_fat,
        out_of_focus=settings.out_of_focus or share * with_blur,
        stain_gradient=settings.stain_gradient or slope * with_slope,
        vignetting=settings.vignetting * float(rng.uniform(0, 2.5)),
        light_gradient=settings.light_gradient * float(rng.uniform(0, 2)),
        style=style,
    )


def summary(table: pl.DataFrame) -> Mapping[str, int]:
    """Numbers of fields, cells, touching ones, and of what is not a cell."""
    cells = table.filter("is_cell")
    return {
        "fields": table["field_id"].n_unique(),
        "cells": cells.height,
        "touching": int(cells["touching"].sum()),
        "other": table.height - cells.height,
    }
