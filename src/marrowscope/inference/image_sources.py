"""What a user names on the command line becomes an ordered table of images."""

import glob
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import polars as pl

from marrowscope.cells import read_cells, typed
from marrowscope.dataset.cell_list import read_cell_list
from marrowscope.dataset.discovery_notes import DiscoveryNotes
from marrowscope.dataset.field_places import mark_places
from marrowscope.dataset.image_discovery import discover
from marrowscope.dataset.list_columns import LISTED
from marrowscope.dataset.slide_places import with_slides
from marrowscope.errors import InputError
from marrowscope.io.image_inspection import image_size
from marrowscope.io.list_file import LIST_SUFFIXES, read_list
from marrowscope.io.passed_over import PassedOver

# Of a file, which a list can only repeat.
_MEASURED = ("sha256", "error", "note", "width", "height", "bytes", "modified_ns")


def expand(
    sources: list[str],
    standard_input: TextIO | None = None,
    say: Callable[[str], None] | None = None,
) -> pl.DataFrame:
    """Rows to predict, in the order given; what is named twice comes twice.

    Args:
        sources: files, folders (all images below, sorted), globs, cell tables (``.parquet``,
            ``.csv``; all their columns are kept), lists (paths relative to the list), or
            ``-``: one path per line, or per NUL, on standard input.
        standard_input: where ``-`` reads from.
        say: told in a sentence what of a list was taken for what, and what was passed over.

    Returns:
        A table with at least ``path``. A named file that does not exist is a row all the same.

    Raises:
        InputError: nothing was named, a table cannot be read, or two do not fit together.
    """
    parts = [_expand_one(source, standard_input or sys.stdin, say) for source in sources]
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


def _expand_one(
    source: str, standard_input: TextIO, say: Callable[[str], None] | None
) -> pl.DataFrame:
    if source == "-":
        return _paths(_listed(standard_input))
    path = Path(source)
    if glob.has_magic(source) and not os.path.lexists(path):
        matches = sorted(glob.glob(source, recursive=True))
        if "**" in source:  # matches folders and what is in them: each file would come twice
            matches = [match for match in matches if not os.path.isdir(match)]
        return expand(matches, standard_input, say) if matches else _paths([])
    if path.is_dir():
        passed = PassedOver()
        found = discover([path], notes=DiscoveryNotes(passed_over=passed))
        table = _paths([image.path for image in found])
        sentence = passed.sentence()
        if sentence and not table.height:
            raise InputError(f"{path}: no image found; {sentence}")
        if sentence and say is not None:
            say(sentence)
        return table
    if path.suffix.lower() == ".parquet":
        return read_cells(path)
    if path.suffix.lower() in LIST_SUFFIXES:
        return _listed_cells(path, say)
    return _paths([source])


def _listed(standard_input: TextIO) -> list[str]:
    # Bytes, because a file name need not be text in the encoding of the terminal.
    binary = getattr(standard_input, "buffer", None)
    text = standard_input.read() if binary is None else os.fsdecode(binary.read())
    if "\0" in text:
        return [name for name in text.split("\0") if name.strip()]
    return [name.rstrip("\r") for name in text.split("\n") if name.strip()]


def _listed_cells(path: Path, say: Callable[[str], None] | None) -> pl.DataFrame:
    """A cell table that was saved as a list, or a list of images, with all its columns.

    Unlike the index, a file that is listed twice comes twice.
    """
    if {"cell_id", "path"} <= set(read_list(path).table.columns):
        return read_cells(path)
    listed = read_cell_list(path, keep_unnamed=True)
    own = {
        name: name.removeprefix(LISTED)
        for name in listed.table.columns
        if name.startswith(LISTED) and name.removeprefix(LISTED) not in _MEASURED
    }
    table = typed(listed.table.rename(own), [own.get(name, name) for name in listed.carried])
    notes = list(listed.notes)
    if {"x", "y"} <= set(table.columns):
        table, more = _in_fields(table)
        notes += more
    if say is not None:
        for note in notes:
            say(note)
    return table


def _in_fields(table: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Rows whose place lies in a field are cut out there; sizes of pictures come from headers."""
    sizes = {path: _size(path) for path in table["path"].unique().to_list()}
    measured = [sizes[path] for path in table["path"].to_list()]
    measured_table = table.with_columns(
        pl.Series("width", [size[0] for size in measured], dtype=pl.Int32),
        pl.Series("height", [size[1] for size in measured], dtype=pl.Int32),
        pl.lit(None, pl.String).alias("sha256"),
        *(() if "error" in table.columns else (pl.lit(None, pl.String).alias("error"),)),
    )
    marked, notes = mark_places(with_slides(measured_table))
    return marked.drop("width", "height", "sha256", "bytes", "modified_ns", strict=False), notes


def _size(path: str | None) -> tuple[int | None, int | None]:
    """Width and height by the header; None of what cannot be read, as its row will say."""
    if path is None:
        return None, None
    try:
        return image_size(Path(path))
    except (InputError, OSError, ValueError):
        return None, None


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
