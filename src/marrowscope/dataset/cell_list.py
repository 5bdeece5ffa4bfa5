"""A list of images or cells → rows with the columns of the cell table, tidied.

Headings are recognized (``list_columns``), ids and labels trimmed and normalized, labels turned
into codes where they mean one of the 21 classes, parts of a split into ``train``, ``test``,
``val``, and numbers read with point or comma. What is not recognized is carried along as text.
"""

import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from marrowscope.cells import SCHEMA
from marrowscope.class_synonyms import resolve_class
from marrowscope.dataset.list_columns import carried_name, recognise
from marrowscope.dataset.split_names import require_split_name
from marrowscope.errors import InputError
from marrowscope.identifiers import clean_column, clean_text
from marrowscope.io.list_file import (
    LIST_SUFFIXES,
    has_decimal_comma,
    is_missing,
    numbers,
    read_list,
)
from marrowscope.preprocessing import is_pixel_size

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_IDS = ("laboratory", "patient_id", "slide_id", "field_id", "annotator", "cell_id")
_NUMBERS = (
    "x",
    "y",
    "x0",
    "y0",
    "x1",
    "y1",
    "box_width",
    "box_height",
    "microns_per_pixel",
    "fold",
)
_COLUMNS = ("path", "label", "split", *_IDS, *_NUMBERS)


@dataclass(frozen=True)
class CellList:
    """A list as cell rows.

    Attributes:
        table: ``path`` absolute, known columns in their types, the others as text.
        carried: names of the columns that are none of the cell table.
        notes: what was taken as what, and what had to be guessed.
    """

    table: pl.DataFrame
    carried: tuple[str, ...]
    notes: tuple[str, ...]


def read_cell_list(
    path: Path, root: Path | None = None, keep_unnamed: bool = False, raw_labels: bool = False
) -> CellList:
    """Read a list of images.

    Args:
        path: CSV or workbook.
        root: folder to which its paths are relative; default: the list's own.
        raw_labels: whether labels stay what the list says, tidied; else names of the 21 classes
            become their codes.
        keep_unnamed: whether a row without a path stays, with a null; else it is counted in a note.

    Returns:
        The rows in the order of the list.

    Raises:
        InputError: not a list, no column with paths, a value that is no number where one belongs,
            or a part of a split that is none.
    """
    read = read_list(path)
    columns = recognise(read.table.columns, str(path), _COLUMNS)
    if "path" not in columns.taken:
        raise InputError(
            f"{path}: has no path column; call it path, image, file or filename "
            f"(it has {', '.join(read.table.columns)[:120]})"
        )
    table, lines = read.table, pl.Series(read.lines, dtype=pl.Int64)
    named = clean_column(table[columns.taken["path"]]).is_not_null()
    if not keep_unnamed:
        table, lines = table.filter(named), lines.filter(named)
    made: list[pl.Series] = []
    comma = False
    for column, heading in columns.taken.items():
        values = table[heading]
        if column in _NUMBERS:
            comma |= has_decimal_comma(values)
        if column == "label" and raw_labels:
            made.append(clean_column(values).alias("label"))
        else:
            made.append(_column(column, values, lines, path, root))
    _derive_box(made, path)
    carried = {heading: carried_name(heading) for heading in columns.carried}
    if "cell_id" in columns.taken:  # the index names cells by their content
        made = [one.alias("listed_cell_id") if one.name == "cell_id" else one for one in made]
    taken_names = {one.name for one in made}
    more = [
        clean_column(table[heading]).alias(name)
        for heading, name in carried.items()
        if name not in taken_names
    ]
    notes = [*read.notes, *columns.notes]
    if not keep_unnamed and not named.all():
        notes.append(f"{path}: rows without a path, left out: {(~named).sum()}")
    sentence = columns.sentence(str(path))
    notes += [sentence] if sentence is not None else []
    if comma:
        notes.append(f"{path}: its numbers have a decimal comma, and are read so")
    return CellList(pl.DataFrame([*made, *more]), tuple(one.name for one in more), tuple(notes))


def refuse_own_list(output: Path, sources: Iterable[Path]) -> None:
    """Refuse to write a table over a list that it is made of.

    Args:
        output: of the table.
        sources: what is read; folders, images and cell tables may be among them.

    Raises:
        InputError: the output is one of the lists.
    """
    for source in sources:
        if source.suffix.lower() not in LIST_SUFFIXES or not source.is_file():
            continue
        if not output.exists() or not os.path.samefile(source, output):
            continue
        if not {"cell_id", "path"} <= set(read_list(source).table.columns):
            raise InputError(
                f"`output` {output}: is the list that is read, which would be lost; name another"
            )


def label_of(text: str | None) -> str | None:
    """Code of the class that a label means, else the label itself, tidied; None of no label."""
    text = clean_text(text)
    return None if text is None else resolve_class(text) or text


def labels_of(values: pl.Series) -> pl.Series:
    """``label_of`` of every value of a column of text."""
    known = {text: label_of(text) for text in values.unique().to_list()}
    return pl.Series(values.name, [known[text] for text in values.to_list()], dtype=pl.String)


def listed_path(base: Path, text: str) -> str:
    """Absolute path of a file that a list in the folder ``base`` names.

    Where there is none under these bytes, a file of the same name in another normal form of Unicode
    (a Mac writes ä as two signs), or with slashes for the backslashes of Windows. An address stays
    as it is.
    """
    if _ADDRESS.match(text):
        return text
    path = os.path.abspath(base / text)
    if os.path.lexists(path):
        return path
    candidates = [path]
    if "\\" in text:
        candidates.append(os.path.abspath(base / text.replace("\\", "/")))
        if os.path.lexists(candidates[1]):
            return candidates[1]
    for candidate in candidates:
        found = _same_in_unicode(candidate)
        if found is not None:
            return found
    return candidates[-1]


def _same_in_unicode(path: str) -> str | None:
    """The file whose path is the same after normalization, or None."""
    if path.isascii() or "\0" in path:
        return None
    place = os.sep
    for piece in path.split(os.sep)[1:]:
        there = os.path.join(place, piece)
        if not os.path.lexists(there):
            if piece.isascii():
                return None
            try:
                names = _names_in(place, os.stat(place).st_mtime_ns)
            except OSError:
                return None
            name = names.get(unicodedata.normalize("NFC", piece))
            if name is None:
                return None
            there = os.path.join(place, name)
        place = there
    return place


@lru_cache(maxsize=64)
def _names_in(folder: str, changed: int) -> dict[str, str]:
    """Names in a folder that is not plain ASCII, by their composed form."""
    return {
        unicodedata.normalize("NFC", name): name
        for name in os.listdir(folder)
        if not name.isascii()
    }


def _column(
    column: str, values: pl.Series, lines: pl.Series, path: Path, root: Path | None
) -> pl.Series:
    if column == "path":
        base = Path(root) if root is not None else Path(path).parent
        return pl.Series(
            "path",
            [None if is_missing(text) else listed_path(base, text.strip()) for text in values],
            dtype=pl.String,
        )
    if column == "label":
        return labels_of(values).alias("label")
    if column == "split":
        cleaned = clean_column(values).to_list()
        parts = [
            None if text is None else require_split_name(text, f"{path}: line {line}")
            for text, line in zip(cleaned, lines, strict=True)
        ]
        return pl.Series("split", parts, dtype=pl.String)
    if column in _IDS:
        return clean_column(values).alias(column)
    made = numbers(values)
    if made is None:
        wrong = next(
            (line, text)
            for line, text in zip(lines, values.to_list(), strict=True)
            if numbers(pl.Series([text], dtype=pl.String)) is None
        )
        raise InputError(
            f"{path}: column {column}, line {wrong[0]}: {wrong[1]!r} is not a number; correct it, "
            "or leave it empty"
        )
    if column == "microns_per_pixel":
        for line, value in zip(lines, made.to_list(), strict=True):
            if value is not None and not is_pixel_size(value):
                raise InputError(
                    f"{path}: column {column}, line {line}: {value:g}; expected 0.005 to 10; "
                    "correct it, or leave it empty"
                )
    return made.cast(SCHEMA.get(column, pl.Float64()), strict=False).alias(column)


def _derive_box(made: list[pl.Series], path: Path) -> None:
    """Corners from a corner and a size; the centre from the corners. Sizes are taken out."""
    by_name = {one.name: one for one in made}
    sizes = {"box_width", "box_height"} & set(by_name)
    if sizes and not {"x0", "y0"} <= set(by_name):
        raise InputError(
            f"{path}: a box has a width, but no corner; name the columns x0, y0, x1, y1"
        )
    for corner, size, other in (("x0", "box_width", "x1"), ("y0", "box_height", "y1")):
        if size in by_name and other not in by_name:
            by_name[other] = (by_name[corner] + by_name[size]).alias(other)
    sides = [name for name in ("x0", "y0", "x1", "y1") if name in by_name]
    if sides and len(sides) < 4:
        raise InputError(
            f"{path}: a box needs four sides, and there are only {', '.join(sides)}; name the "
            "columns x0, y0, x1, y1"
        )
    for axis in ("x", "y"):
        if sides and axis not in by_name:
            # A table counts from the centre of the first pixel, boxes from its corner.
            middle = (by_name[f"{axis}0"] + by_name[f"{axis}1"]) / 2 - 0.5
            by_name[axis] = middle.alias(axis)
    made[:] = [one for name, one in by_name.items() if name not in ("box_width", "box_height")]
