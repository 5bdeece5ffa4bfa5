"""Which rows of a list are places in fields, so that each is a cell to be cut out there."""

from collections import defaultdict
from pathlib import Path

import polars as pl

from marrowscope.cell_pixels import cell_digest
from marrowscope.cells import IN_FIELD
from marrowscope.dataset.slide_places import with_pixel_sizes
from marrowscope.preprocessing import INPUT_SIZE, MICRONS_PER_PIXEL, require_pixel_size

# A picture of one cell is not wider than this many standard crops.
_MUCH_LARGER = 1.5
OUTSIDE = "place outside of the picture"


def mark_places(
    table: pl.DataFrame, microns_per_pixel: float | None = None
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Tell cells in fields from images of single cells, whose x and y say where they came from.

    A row is a place in its picture when another row has another place in the same one, or when the
    place lies in a picture much larger than a cell. Such rows get ``in_field``, a ``field_id``
    where they have none, and a ``sha256`` that is of file and place; a place outside of the
    picture becomes an ``error``.

    Args:
        table: with ``path``, ``sha256``, ``error``, ``width``, ``height``; ``x``, ``y`` as far as
            known.
        microns_per_pixel: of the fields, and of images of single cells, that do not state it.

    Returns:
        The table, and sentences that a reader should see.

    Raises:
        InputError: the pixel size makes no sense.
    """
    lies = _in_fields(table)
    if not any(lies):
        if microns_per_pixel is None:
            return table, ()
        table = _with_pixel_size(table, require_pixel_size(microns_per_pixel))
        sentence = (
            f"images that do not state their pixel size are taken for {microns_per_pixel:g} µm/px"
        )
        return table, (sentence,)
    columns = {name: table[name].to_list() for name in ("path", "sha256", "error")}
    size = table["width"].to_list(), table["height"].to_list()
    x, y = table["x"].to_list(), table["y"].to_list()
    for row in (row for row, one in enumerate(lies) if one):
        digest, (width, height) = columns["sha256"][row], (size[0][row], size[1][row])
        if digest is not None:
            columns["sha256"][row] = cell_digest(digest, (x[row], y[row]))
        known = columns["error"][row] is None and width is not None
        if known and not (-0.5 <= x[row] <= width - 0.5 and -0.5 <= y[row] <= height - 0.5):
            columns["error"][row] = (
                f"{OUTSIDE} (x {x[row]:g}, y {y[row]:g}; it has {width}×{height} px)"
            )
    table = table.with_columns(
        pl.Series("sha256", columns["sha256"], dtype=pl.String),
        pl.Series("error", columns["error"], dtype=pl.String),
        pl.Series(IN_FIELD, lies, dtype=pl.Boolean),
    )
    names = [
        Path(path).name if one else None for path, one in zip(columns["path"], lies, strict=True)
    ]
    given = table["field_id"] if "field_id" in table.columns else pl.Series([None] * table.height)
    table = table.with_columns(
        pl.Series(
            "field_id",
            [own or name for own, name in zip(given, names, strict=True)],
            dtype=pl.String,
        )
    )
    if microns_per_pixel is not None:
        table = _with_pixel_size(table, require_pixel_size(microns_per_pixel))
    table = with_pixel_sizes(table)
    return table, (about_places(table),)


def about_places(table: pl.DataFrame) -> str:
    """A sentence about the rows that are places in fields, and what their pixel size is worth."""
    rows = table.filter(pl.col(IN_FIELD).fill_null(False))
    unknown = rows
    if "microns_per_pixel" in rows.columns:
        unknown = rows.filter(pl.col("microns_per_pixel").is_null())
    sentence = (
        f"{rows.height} cells have positions (x and y) in {rows['path'].n_unique()} fields and are "
        f"cut out there, {INPUT_SIZE}×{INPUT_SIZE} px of {MICRONS_PER_PIXEL} µm"
    )
    if unknown.height:
        sentence += (
            f"; {unknown['path'].n_unique()} fields do not state their pixel size, which is taken "
            f"for {MICRONS_PER_PIXEL} µm unless `microns_per_pixel` gives it"
        )
    return sentence


def place_names(table: pl.DataFrame) -> list[str]:
    """`` at x 12, y 30`` for rows that are places in fields, "" for others; for messages."""
    if IN_FIELD not in table.columns:
        return [""] * table.height
    return [
        f" at x {x:g}, y {y:g}" if lies else ""
        for lies, x, y in table.select(IN_FIELD, "x", "y").rows()
    ]


def _in_fields(table: pl.DataFrame) -> list[bool]:
    if not {"x", "y"} <= set(table.columns):
        return [False] * table.height
    several: dict[str, set[tuple[float, float]]] = defaultdict(set)
    rows = table.select("path", "x", "y").rows()
    for path, x, y in rows:
        if path is not None and x is not None and y is not None:
            several[path].add((x, y))
    sizes = table.select("width", "height").rows()
    scales = (
        table["microns_per_pixel"].to_list()
        if "microns_per_pixel" in table.columns
        else [None] * table.height
    )
    found = []
    for (path, x, y), (width, height), microns in zip(rows, sizes, scales, strict=True):
        if path is None or x is None or y is None:
            found.append(False)
        elif len(several[path]) > 1:
            found.append(True)
        else:
            cell = INPUT_SIZE * MICRONS_PER_PIXEL / (microns or MICRONS_PER_PIXEL)
            large = width is not None and max(width, height) > _MUCH_LARGER * cell
            found.append(bool(large and 0 <= x < width and 0 <= y < height))
    return found


def _with_pixel_size(table: pl.DataFrame, microns: float) -> pl.DataFrame:
    own = pl.col("microns_per_pixel") if "microns_per_pixel" in table.columns else pl.lit(None)
    filled = pl.coalesce(own.cast(pl.Float64), pl.lit(microns))
    return table.with_columns(filled.alias("microns_per_pixel"))
