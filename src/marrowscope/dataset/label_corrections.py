"""Lists that a cytologist corrected → the cell table with the corrected labels."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from marrowscope.errors import InputError
from marrowscope.morphology import CODES

BEFORE = "label_before"
_NEEDED = ("cell_id", "corrected")
_SEPARATORS = ",;\t"
_LARGEST = 100_000_000  # bytes


@dataclass(frozen=True)
class Correction:
    """One line of a list: what a cell was labelled and what it is.

    Attributes:
        cell_id: as in the cell table.
        path: of the image, if the list gives it; used where a spreadsheet spoilt the id.
        label: that the list was made from, if it says so.
        corrected: class code; the same as ``label`` where the label is confirmed.
        line: in the file, 1-based, with the header.
    """

    cell_id: str
    path: str | None
    label: str | None
    corrected: str
    line: int


@dataclass(frozen=True)
class RelabelResult:
    """The table with corrected labels.

    Attributes:
        table: with ``label_before``, the first label of cells that have another one now.
        changed: cells that got another label.
        confirmed: cells of the lists that keep theirs.
    """

    table: pl.DataFrame
    changed: int
    confirmed: int


def read_corrections(path: Path) -> tuple[Correction, ...]:
    """Read a list of suspects in which a cytologist filled the column ``corrected``.

    Comma, semicolon or tab may separate the columns, for spreadsheets write all of them. Lines
    with nothing in ``corrected`` were not decided and are passed over.

    Raises:
        InputError: no such file, not text, columns are missing, or a line has no ``cell_id``.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path}: is larger than 100 MB; this is not a list of corrections")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text; save it as 'CSV UTF-8'") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    head = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=head.count)
    try:
        lines = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise InputError(f"{path}: cannot be read as CSV ({error})") from None
    names = {name.strip().lower() for name in (lines[0] if lines else {}) if name is not None}
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise InputError(
            f"{path}: has no column {', '.join(missing)} or no line; give a list made by 'noise'"
        )
    found = []
    for number, raw in enumerate(lines, 2):
        line = {
            name.strip().lower(): value.strip()
            for name, value in raw.items()
            if isinstance(name, str) and isinstance(value, str)
        }
        corrected = line.get("corrected", "")
        if not corrected:
            continue
        cell = line.get("cell_id", "")
        if not cell:
            raise InputError(f"{path}: line {number} corrects a cell without cell_id; name it")
        known = line.get("path") or None, line.get("label") or None
        found.append(Correction(cell, *known, corrected, number))
    return tuple(found)


def relabel(
    table: pl.DataFrame, lists: Sequence[tuple[Path, tuple[Correction, ...]]]
) -> RelabelResult:
    """Take corrections into a table, one list after the other.

    Args:
        table: with ``cell_id``, ``path``, ``label``.
        lists: files, for errors, and what ``read_corrections`` read from them. A later list may
            correct what an earlier one did.

    Raises:
        InputError: a class is neither one of the 21 nor in the table, a cell is not in the table,
            is corrected twice in one list, or was labelled otherwise when the list was made.
    """
    places = {cell: row for row, cell in enumerate(table["cell_id"])}
    by_path = {path: row for row, path in enumerate(table["path"])}
    first = table["label"].to_list()
    labels = list(first)
    allowed = set(CODES) | {label for label in first if label is not None}
    seen = set()
    for path, corrections in lists:
        decided: dict[int, Correction] = {}
        for one in corrections:
            if one.corrected not in allowed:
                raise InputError(
                    f"{path}: line {one.line} corrects to {one.corrected}, which is not a class; "
                    f"expected one of {', '.join(sorted(allowed))}"
                )
            row = places.get(one.cell_id)
            row = by_path.get(one.path) if row is None else row
            if row is None:
                raise InputError(
                    f"{path}: line {one.line} names cell {one.cell_id}, which is not in the table; "
                    "the list belongs to other images"
                )
            other = decided.setdefault(row, one)
            if other.corrected != one.corrected:
                raise InputError(
                    f"{path}: cell {one.cell_id} is corrected to {other.corrected} in line "
                    f"{other.line} and to {one.corrected} in line {one.line}; keep one"
                )
            if one.label not in (None, labels[row]) and labels[row] != one.corrected:
                raise InputError(
                    f"{path}: line {one.line} corrects cell {one.cell_id} from {one.label}, but "
                    f"its label is {labels[row]}; give earlier lists first, or make a new list"
                )
            labels[row] = one.corrected
            seen.add(row)
    different = [new != old for new, old in zip(labels, first, strict=True)]
    changed = sum(different)
    if changed:
        earlier = table[BEFORE].to_list() if BEFORE in table.columns else [None] * table.height
        before = [
            known or old if change else known
            for known, old, change in zip(earlier, first, different, strict=True)
        ]
        table = table.with_columns(
            pl.Series("label", labels, dtype=pl.String), pl.Series(BEFORE, before, dtype=pl.String)
        )
    return RelabelResult(table, changed, len(seen) - sum(different[row] for row in seen))


def corrected_before(path: Path) -> int:
    """How many labels of an earlier cell table were corrected; 0 where there is no such table."""
    try:
        return pl.read_parquet(path, columns=[BEFORE], glob=False)[BEFORE].count()
    except (OSError, pl.exceptions.PolarsError):
        return 0
