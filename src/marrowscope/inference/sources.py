"""What a user names on the command line becomes an ordered table of images."""

import glob
import os
import sys
from pathlib import Path
from typing import TextIO

import polars as pl

from marrowscope.cells import read_cells
from marrowscope.dataset.discover import discover
from marrowscope.errors import InputError

_TABLES = (".parquet", ".csv")


def expand(sources: list[str], standard_input: TextIO | None = None) -> pl.DataFrame:
    """Rows to predict, in the order given; what is named twice comes twice.

    Args:
        sources: files, folders (all images below, sorted), globs, cell tables (``.parquet``,
            ``.csv``; all their columns are kept), or ``-``: one path per line, or per NUL, on
            standard input.
        standard_input: where ``-`` reads from.

    Returns:
        A table with at least ``path``. A named file that does not exist is a row all the same.

    Raises:
        InputError: nothing was named, or a table cannot be read.
    """
    parts = [_expand_one(source, standard_input or sys.stdin) for source in sources]
    parts = [part for part in parts if part.height]
    if not parts:
        raise InputError(f"{', '.join(sources)}: no image found")
    return pl.concat(parts, how="diagonal_relaxed")


def _expand_one(source: str, standard_input: TextIO) -> pl.DataFrame:
    if source == "-":
        text = standard_input.read()
        names = text.split("\0") if "\0" in text else text.splitlines()
        return _paths([name.strip("\r\n") for name in names if name.strip()])
    path = Path(source)
    if path.is_dir():
        return _paths([found.path for found in discover([path])])
    if path.suffix.lower() == ".parquet":
        return read_cells(path)
    if path.suffix.lower() == ".csv":
        return _csv(path)
    if not path.exists() and not path.is_symlink() and glob.has_magic(source):
        return _paths(sorted(glob.glob(source, recursive=True)))
    return _paths([source])


def _csv(path: Path) -> pl.DataFrame:
    try:
        header = pl.read_csv(path, n_rows=0).columns
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"{path}: cannot be read as CSV ({' '.join(str(error).split())})"
        ) from None
    if {"cell_id", "path"} <= set(header):
        return read_cells(path)
    found = list(discover([path]))
    table = _paths([row.path for row in found])
    return table.with_columns(pl.Series("label", [row.label for row in found], dtype=pl.String))


def _paths(names: list[str]) -> pl.DataFrame:
    clean = [os.fsencode(name).decode("utf-8", errors="backslashreplace") for name in names]
    return pl.DataFrame({"path": clean}, schema={"path": pl.String})
