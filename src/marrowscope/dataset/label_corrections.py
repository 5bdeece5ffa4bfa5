"""Lists that a cytologist corrected → the cell table with the corrected labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from marrowscope.class_synonyms import resolve_class
from marrowscope.dataset.list_columns import recognise
from marrowscope.errors import InputError
from marrowscope.identifiers import clean_column
from marrowscope.io.list_file import read_list
from marrowscope.morphology import CODES

BEFORE = "label_before"
_NEEDED = ("cell_id", "corrected")


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

    Any list is read that a spreadsheet saves (``read_list``). Lines with nothing in ``corrected``
    were not decided and are passed over.

    Raises:
        InputError: no list, columns are missing, or a line has no ``cell_id``.
    """
    read = read_list(path)
    taken = recognise(read.table.columns, str(path), (*_NEEDED, "path", "label")).taken
    missing = [name for name in _NEEDED if name not in taken]
    if missing:
        raise InputError(
            f"{path}: has no column {', '.join(missing)} or no line; give a list made by 'noise'"
        )
    columns = {name: clean_column(read.table[heading]) for name, heading in taken.items()}
    found = []
    for line, row in zip(read.lines, pl.DataFrame(columns).iter_rows(named=True), strict=True):
        corrected = row["corrected"]
        if corrected is None:
            continue
        if row["cell_id"] is None:
            raise InputError(f"{path}: line {line} corrects a cell without cell_id; name it")
        found.append(Correction(row["cell_id"], row.get("path"), row.get("label"), corrected, line))
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
            corrected = _class_among(one.corrected, allowed)
            if corrected is None:
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
            if _class_among(other.corrected, allowed) != corrected:
                raise InputError(
                    f"{path}: cell {one.cell_id} is corrected to {other.corrected} in line "
                    f"{other.line} and to {one.corrected} in line {one.line}; keep one"
                )
            before = None if one.label is None else _class_among(one.label, allowed) or one.label
            if before not in (None, labels[row]) and labels[row] != corrected:
                raise InputError(
                    f"{path}: line {one.line} corrects cell {one.cell_id} from {one.label}, but "
                    f"its label is {labels[row]}; give earlier lists first, or make a new list"
                )
            labels[row] = corrected
            seen.add(row)
    different = [new != old for new, old in zip(labels, first, strict=True)]
    changed = sum(different)
    if changed:
        earlier = table[BEFORE].to_list() if BEFORE in table.columns else [None] * table.height
        first_labels = [
            known or old if change else known
            for known, old, change in zip(earlier, first, different, strict=True)
        ]
        table = table.with_columns(
            pl.Series("label", labels, dtype=pl.String),
            pl.Series(BEFORE, first_labels, dtype=pl.String),
        )
    return RelabelResult(table, changed, len(seen) - sum(different[row] for row in seen))


def _class_among(name: str, allowed: set[str]) -> str | None:
    """The class that a name means: as it is, or by another name of one of the 21."""
    if name in allowed:
        return name
    code = resolve_class(name)
    return code if code in allowed else None


def corrected_before(path: Path) -> int:
    """How many labels of an earlier cell table were corrected; 0 where there is no such table."""
    try:
        return pl.read_parquet(path, columns=[BEFORE], glob=False)[BEFORE].count()
    except (OSError, pl.exceptions.PolarsError):
        return 0
