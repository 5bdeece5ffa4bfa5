"""A list of images by split → the cell table with that split."""

import unicodedata
from pathlib import Path

import polars as pl

from marrowscope.cells import group_column
from marrowscope.dataset.contents import incomplete_group_column
from marrowscope.dataset.list_columns import recognise
from marrowscope.dataset.split_names import require_split_name
from marrowscope.dataset.splitting import OVERLAP_GROUP, Split, finished_split
from marrowscope.errors import InputError
from marrowscope.identifiers import clean_column
from marrowscope.io.list_file import is_missing, read_list

_SEVERAL = -1  # in place of a row: the name fits more than one
_KEY = "cell_id"


def apply_split_list(table: pl.DataFrame, path: Path) -> Split:
    """Take the split from a list with a column ``split`` and ``cell_id`` or a path column.

    Paths match by their ends, so that a list made elsewhere fits: ``BLA/BLA_00001.jpg`` matches
    any cell whose path ends so; of a longer path than the table has, the folder and file name have
    to match. Cells that the list does not name, or that have an error, get no part. Names that are
    not in the table are counted in a warning.

    Raises:
        InputError: no fitting column, no name that fits, a name that fits several cells, a cell
            in two parts, or a content hash, an overlap or a patient on both sides.
    """
    path = Path(path)
    key, entries, notes = _read(path)
    places = _by_id(table) if key == _KEY else _by_tail(table)
    values: list[str | None] = [None] * table.height
    strangers = []
    for name, part in entries:
        row = places.get(name) if key == _KEY else _find(places, name)
        if row is None:
            strangers.append(name)
        elif row == _SEVERAL:
            raise InputError(f"{path}: {name} fits more than one cell; give more of its path")
        elif values[row] not in (None, part):
            raise InputError(
                f"{path}: {name} is in part {values[row]} and in part {part}; keep one of the lines"
            )
        else:
            values[row] = part
    if len(strangers) == len(entries):
        first = f" (the first is {strangers[0]})" if strangers else ""
        raise InputError(
            f"{path}: none of its {len(entries)} names is in the table{first}; give the list of "
            "these images"
        )
    if "error" in table.columns:
        good = table["error"].is_null()
        values = [value if use else None for value, use in zip(values, good, strict=True)]
    group = group_column(table) or incomplete_group_column(table)
    warnings = [*notes, *_gaps(table, values, strangers)]
    split = finished_split(table, "split", values, group, warnings, f"list {path.name}")
    _refuse_crossing(split, path)
    return split


def _read(path: Path) -> tuple[str, list[tuple[str, str]], tuple[str, ...]]:
    """Name of the key column, (name, part) of every row that has both, and what was guessed."""
    read = read_list(path)
    columns = recognise(read.table.columns, str(path), (_KEY, "path", "split"))
    taken = columns.taken
    key = _KEY if _KEY in taken else "path"
    if key not in taken or "split" not in taken:
        raise InputError(
            f"{path}: needs a column split and one of cell_id, path, file "
            f"(it has {', '.join(read.table.columns)[:120]})"
        )
    names = read.table[taken[key]].to_list()
    parts = read.table[taken["split"]].to_list()
    pairs = [
        (name.strip(), require_split_name(part, f"{path}: line {line}"))
        for name, part, line in zip(names, parts, read.lines, strict=True)
        if not is_missing(name) and not is_missing(part)
    ]
    return key, pairs, (*read.notes, *columns.notes)


def _by_id(table: pl.DataFrame) -> dict[str, int]:
    return {cell: row for row, cell in enumerate(table[_KEY])}


def _by_tail(table: pl.DataFrame) -> dict[str, int]:
    """Row by every tail of its path."""
    places: dict[str, int] = {}
    for row, path in enumerate(table["path"]):
        pieces = _pieces(path or "")
        for start in range(len(pieces)):
            tail = "/".join(pieces[start:])
            places[tail] = _SEVERAL if tail in places else row
    return places


def _find(places: dict[str, int], name: str) -> int | None:
    pieces = _pieces(name)
    for start in range(max(1, len(pieces) - 1)):
        row = places.get("/".join(pieces[start:]))
        if row is not None:
            return row
    return None


def _pieces(path: str) -> list[str]:
    path = unicodedata.normalize("NFC", path.replace("\\", "/"))
    return [piece for piece in path.split("/") if piece not in ("", ".")]


def _gaps(table: pl.DataFrame, values: list[str | None], strangers: list[str]) -> list[str]:
    warnings = []
    if strangers:
        warnings.append(
            f"{len(strangers)} names of the list are not in the table, the first is {strangers[0]}."
        )
    good = table["error"].is_null() if "error" in table.columns else [True] * table.height
    left = sum(value is None and use for value, use in zip(values, good, strict=True))
    if left:
        warnings.append(f"{left} usable cells are not in the list and take no part.")
    return warnings


def _refuse_crossing(split: Split, path: Path) -> None:
    table = split.table
    if split.grouped_by is not None:
        ids = clean_column(table[split.grouped_by].cast(pl.String))
        table = table.with_columns(ids)
    for column in ("sha256", OVERLAP_GROUP, split.grouped_by):
        if column is None or column not in table.columns:
            continue
        crossing = (
            table.filter(pl.col("split").is_not_null() & pl.col(column).is_not_null())
            .group_by(column)
            .agg(pl.col("split").n_unique().alias("parts"))
            .filter(pl.col("parts") > 1)
        )
        if crossing.height:
            name = sorted(crossing[column].to_list())[0]
            raise InputError(
                f"{path}: {column} {name} lies in more than one part of the split; put all of it "
                "into one"
            )
