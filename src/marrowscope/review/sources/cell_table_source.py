"""Cell table → smears to review: one for each slide that it names."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from marrowscope.cells import predicted_by, read_cells
from marrowscope.errors import InputError
from marrowscope.review.sources.smear_record import TABLE, FieldRecord, SmearRecord


def read_table_source(path: Path) -> tuple[SmearRecord, ...]:
    """Read a cell table, with or without predictions and labels.

    Args:
        path: Parquet, CSV or a workbook. Relative paths of pictures are looked for from here, then
            from the folder of the table.

    Raises:
        InputError: it cannot be read, has no cell, or an id twice.
    """
    table = read_cells(path)
    if not table.height:
        raise InputError(f"{path}: has no cell")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return tuple(smears_of_table(table, path.stem, (str(path.absolute()),), digest, TABLE, path))


def smears_of_table(
    table: pl.DataFrame,
    name: str,
    sources: tuple[str, ...],
    digest: str,
    kind: str,
    path: Path | None = None,
) -> Iterator[SmearRecord]:
    """One smear for each slide of a table; all cells together where slides are not named.

    Args:
        table: of cells.
        name: of the smear, where there is only one.
        sources: paths that it comes from.
        digest: of the table.
        kind: of the smears.
        path: of the table, from which pictures may be looked for.

    Raises:
        InputError: a cell id occurs twice.
    """
    twice = table["cell_id"].filter(table["cell_id"].is_duplicated())
    if len(twice):
        raise InputError(f"{path or name}: cell {twice[0]} is listed twice; each needs its own id")
    model = predicted_by(path) if path is not None else None
    table = _fields_named(_absolute(table, path))
    named = "slide_id" in table.columns and table["slide_id"].n_unique() > 1
    parts = table.partition_by("slide_id", as_dict=True, maintain_order=True) if named else {}
    for (slide,), rows in parts.items() if named else [((None,), table)]:
        own = f"{name}: {slide or 'no slide named'}" if named else name
        content = hashlib.sha256(f"{digest} {slide}".encode()).hexdigest()
        shown, remarks = _unreadable_left_out(rows)
        yield SmearRecord(
            own, kind, sources, content, shown, tuple(_fields(shown)),
            _one_pixel_size(shown), None if model is None else (model, ""), None, remarks,
        )  # fmt: skip


def _unreadable_left_out(rows: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Cells without a usable picture stay in the table and are not shown."""
    if "error" not in rows.columns or rows["error"].null_count() == rows.height:
        return rows, ()
    bad = pl.col("error").is_not_null()
    other = pl.col("role").cast(pl.String) if "role" in rows.columns else pl.lit(None, pl.String)
    number = rows.filter(bad).height
    first = rows.filter(bad)["error"][0]
    marked = rows.with_columns(role=pl.when(bad).then(pl.lit("left out")).otherwise(other))
    return marked, (f"{number} cells cannot be shown ({first})",)


def _absolute(table: pl.DataFrame, path: Path | None) -> pl.DataFrame:
    bases = [Path.cwd()] if path is None else [Path.cwd(), path.absolute().parent]
    known: dict[str, str] = {}
    for one in table["path"].unique().to_list():
        if one is not None:
            there = next((base / one for base in bases if (base / one).exists()), Path(one))
            known[one] = os.path.abspath(there)
    absolute = [None if one is None else known[one] for one in table["path"].to_list()]
    return table.with_columns(pl.Series("path", absolute, dtype=pl.String))


def _fields(rows: pl.DataFrame) -> Iterator[FieldRecord]:
    """Pictures in which cells have places, each as one field by its path."""
    if not {"in_field", "x", "y"} <= set(rows.columns):
        return
    lying = rows.filter(pl.col("in_field").fill_null(False))
    for name, path in lying.select("field_id", "path").unique(maintain_order=True).iter_rows():
        yield FieldRecord(name, path, 0, 0, None, None)


def _fields_named(table: pl.DataFrame) -> pl.DataFrame:
    """Every picture with several cells is a field, also where the table does not name it."""
    if not {"in_field", "x", "y"} <= set(table.columns):
        return table
    given = pl.col("field_id") if "field_id" in table.columns else pl.lit(None, pl.String)
    own = pl.col("path").str.extract(r"([^/\\\\]+)$")
    lies = pl.col("in_field").fill_null(False)
    return table.with_columns(field_id=pl.coalesce(given, pl.when(lies).then(own)))


def _one_pixel_size(rows: pl.DataFrame) -> float | None:
    if "microns_per_pixel" not in rows.columns:
        return None
    sizes = rows["microns_per_pixel"].drop_nulls().unique().to_list()
    return float(sizes[0]) if len(sizes) == 1 else None
