"""What a user names on the command line becomes an ordered table of images."""

import glob
import os
import sys
from pathlib import Path
from typing import TextIO

import polars as pl

from marrowscope.cells import read_cells, read_csv
from marrowscope.dataset.image_discovery import (
    LABEL_COLUMNS,
    PATH_COLUMNS,
    discover,
    listed_path,
    resolve_class,
)
from marrowscope.errors import InputError


def expand(sources: list[str], standard_input: TextIO | None = None) -> pl.DataFrame:
    """Rows to predict, in the order given; what is named twice comes twice.

    Args:
        sources: files, folders (all images below, sorted), globs, cell tables (``.parquet``,
            ``.csv``; all their columns are kept), CSV lists (paths relative to the list), or
            ``-``: one path per line, or per NUL, on standard input.
        standard_input: where ``-`` reads from.

    Returns:
        A table with at least ``path``. A named file that does not exist is a row all the same.

    Raises:
        InputError: nothing was named, a table cannot be read, or two do not fit together.
    """
    parts = [_expand_one(source, standard_input or sys.stdin) for source in sources]
    parts = [part for part in parts if part.height]
    if not parts:
        raise InputError(f"{', '.join(sources)}: no image found")
    try:
        return pl.concat(parts, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"{', '.join(sources)}: the tables do not fit together ({reason}); predict each alone"
        ) from None


def _expand_one(source: str, standard_input: TextIO) -> pl.DataFrame:
    if source == "-":
        return _paths(_listed(standard_input))
    path = Path(source)
    if glob.has_magic(source) and not os.path.lexists(path):
        matches = sorted(glob.glob(source, recursive=True))
        if "**" in source:  # matches folders and what is in them: each file would come twice
            matches = [match for match in matches if not os.path.isdir(match)]
        return expand(matches, standard_input) if matches else _paths([])
    if path.is_dir():
        return _paths([found.path for found in discover([path])])
    if path.suffix.lower() == ".parquet":
        return read_cells(path)
    if path.suffix.lower() == ".csv":
        return _csv(path)
    return _paths([source])


def _listed(standard_input: TextIO) -> list[str]:
    # Bytes, because a file name need not be text in the encoding of the terminal.
    binary = getattr(standard_input, "buffer", None)
    text = standard_input.read() if binary is None else os.fsdecode(binary.read())
    if "\0" in text:
        return [name for name in text.split("\0") if name.strip()]
    return [name.rstrip("\r") for name in text.split("\n") if name.strip()]


def _csv(path: Path) -> pl.DataFrame:
    try:
        header = pl.read_csv(path, n_rows=0, glob=False).columns
        if {"cell_id", "path"} <= set(header):
            return read_cells(path)
        return _list(path, {name.strip().lower(): name for name in header})
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: cannot be read as CSV ({reason})") from None


def _list(path: Path, names: dict[str, str]) -> pl.DataFrame:
    """A list that is no cell table, with all its columns; classes under any of their names.

    Unlike the index, a file that is listed twice comes twice.
    """
    path_column = next((names[name] for name in PATH_COLUMNS if name in names), None)
    label_column = next((names[name] for name in LABEL_COLUMNS if name in names), None)
    if path_column is None:
        raise InputError(f"{path}: has no path column; expected one of {', '.join(PATH_COLUMNS)}")
    renamed = {path_column: "path"} | ({label_column: "label"} if label_column else {})
    table = read_csv(path, renamed).rename(renamed)
    places = [name and listed_path(path.parent, name.strip()) for name in table["path"]]
    columns = [pl.Series("path", places, pl.String)]
    if label_column is not None:
        labels = [name and (resolve_class(name) or name.strip() or None) for name in table["label"]]
        columns.append(pl.Series("label", labels, pl.String))
    return table.with_columns(columns)


def _paths(names: list[str]) -> pl.DataFrame:
    readable = [os.fsencode(name).decode("utf-8", errors="backslashreplace") for name in names]
    errors = [
        None if name == shown else "file name is not UTF-8; rename the file"
        for name, shown in zip(names, readable, strict=True)
    ]
    table = pl.DataFrame({"path": readable}, schema={"path": pl.String})
    if any(errors):
        table = table.with_columns(pl.Series("error", errors, pl.String))
    return table
