"""A cell table → splits or folds that no content, patient or slide crosses.

Where cells of several laboratories have labels, every class of every laboratory is divided.

Who goes where depends on (seed, content or group) alone (``stratification``).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from marrowscope.cells import IN_FIELD, group_column, usable
from marrowscope.dataset.contents import id_warning, incomplete_group_column, look_alike_ids
from marrowscope.dataset.laboratories import (
    laboratory_names,
    laboratory_of_rows,
    patients_of_several_laboratories,
)
from marrowscope.dataset.stratification import Members, Stratum, deal_groups, deal_images
from marrowscope.errors import InputError, TableError
from marrowscope.identifiers import clean_column
from marrowscope.morphology import in_display_order

TRAIN, TEST = "train", "test"
METHOD = "split_method"
OVERLAP_GROUP = "overlap_group"  # what screen found to show the same


@dataclass(frozen=True)
class Split:
    """A table with a ``split`` or ``fold`` column, and what should be said about it.

    Attributes:
        table: the cells.
        grouped_by: the id by which cells stay together, or None.
        warnings: one sentence each.
        groups: number of different ids among the cells that take part; None without ids.
    """

    table: pl.DataFrame
    grouped_by: str | None
    warnings: tuple[str, ...]
    groups: int | None = None

    def counts(self, laboratory: str | None = None) -> dict[str, dict[str, int]]:
        """Images per class (outer key) and part (inner key); of one laboratory, or of all."""
        column = "fold" if "fold" in self.table.columns else "split"
        taking = pl.col(column).is_not_null()
        if laboratory is not None:
            taking = taking & (laboratory_of_rows(self.table) == laboratory)
        rows = self.table.filter(taking).group_by("label", column).len()
        result: dict[str, dict[str, int]] = {}
        labels = set(rows["label"].drop_nulls().to_list())
        parts = sorted({str(part) for part in rows[column].to_list()})
        for code in in_display_order(labels):
            result[code] = dict.fromkeys(parts, 0)
        for label, part, count in rows.rows():
            if label is not None:
                result[label][str(part)] = count
        return result

    def laboratories(self) -> list[str]:
        """Names, where there are several; else []."""
        names = laboratory_names(self.table)
        return names if len(names) > 1 else []


def hold_out(table: pl.DataFrame, test: float = 0.2, seed: int = 0) -> Split:
    """Stratified hold-out: column ``split`` with ``train`` and ``test``.

    Args:
        table: with ``label``; rows with an error or without a label get no part.
        test: share of each class that is held out, in (0, 1).
        seed: same seed and same cells, same split.

    Raises:
        InputError: ``test`` is out of range or nothing is labelled.
    """
    if not 0 < test < 1:
        raise InputError(f"`test` is {test}; expected a share between 0 and 1, such as 0.2")
    parts, group, warnings = _assign(table, (1 - test, test), seed)
    names = np.array([TRAIN, TEST], dtype=object)
    values = [None if part is None else str(names[part]) for part in parts]
    return finished_split(
        table, "split", values, group, warnings, f"hold-out {test:g}, seed {seed}"
    )


def folds(table: pl.DataFrame, count: int = 5, seed: int = 0) -> Split:
    """Stratified folds: column ``fold``, 0-based.

    A class with fewer images than folds is absent from some folds; that is reported.

    Raises:
        InputError: fewer than 2 folds, or nothing is labelled.
    """
    if count < 2:
        raise InputError(f"`folds` is {count}; at least 2 are needed")
    parts, group, warnings = _assign(table, (1 / count,) * count, seed)
    return finished_split(table, "fold", parts, group, warnings, f"{count} folds, seed {seed}")


def split_warning(table: pl.DataFrame) -> str | None:
    """The line that every report of a table without patient or slide ids has to carry."""
    return id_warning(table)


def _assign(
    table: pl.DataFrame, shares: tuple[float, ...], seed: int
) -> tuple[list[int | None], str | None, list[str]]:
    """Part of every row (None for rows that take no part), the id used, warnings."""
    if "label" not in table.columns or usable(table)["label"].null_count() == usable(table).height:
        raise TableError("the table has no labels; a stratified split needs them")
    units, group, together = indivisible_units(table)
    takes_part = table.select(
        pl.col("label").is_not_null()
        & (pl.col("error").is_null() if "error" in table.columns else pl.lit(True))
    ).to_series()
    several = len(laboratory_names(table)) > 1
    laboratories = laboratory_of_rows(table).to_list() if several else [None] * table.height
    members: Members = defaultdict(lambda: defaultdict(int))
    for unit, label, laboratory, part in zip(
        units, table["label"], laboratories, takes_part, strict=True
    ):
        if part:
            members[unit][Stratum(label, laboratory or "")] += 1
    place = deal_groups(members, shares, seed) if together else deal_images(members, shares, seed)
    parts = [place[unit] if part else None for unit, part in zip(units, takes_part, strict=True)]
    return parts, group, _absences(members, place, len(shares), group)


def indivisible_units(table: pl.DataFrame) -> tuple[list[str], str | None, bool]:
    """The unit of every row that nothing may part: a patient, a content, an overlap, a field.

    Returns:
        Names of the units, the id column that was used, and whether units may hold several images.
    """
    group = group_column(table) or incomplete_group_column(table)
    identity = "sha256" if "sha256" in table.columns else "cell_id"
    identities = [
        digest or cell for digest, cell in zip(table[identity], table["cell_id"], strict=True)
    ]
    # A row without an id, in a table where others have one, stands for itself.
    groups = (
        clean_column(table[group].cast(pl.String)).to_list()
        if group is not None
        else [None] * table.height
    )
    units = [str(unit or own) for unit, own in zip(groups, identities, strict=True)]
    fields = _fields(table)
    together = group is not None or any(field is not None for field in fields)
    if together or OVERLAP_GROUP in table.columns:
        shared = [name for name in ("sha256", OVERLAP_GROUP) if name in table.columns]
        for contents in (fields, *(table[name].to_list() for name in shared)):
            units = _joined(units, contents)
    return units, group, together


def _fields(table: pl.DataFrame) -> list[str | None]:
    """The field of every cell that lies in one: neighbours share pixels and must not be parted."""
    if IN_FIELD not in table.columns:
        return [None] * table.height
    return [path if lies else None for path, lies in table.select("path", IN_FIELD).rows()]


def _joined(units: list[str], contents: Sequence[str | None]) -> list[str]:
    """Join units that share a content: an image, an overlap, a field; so that it cannot cross."""
    parent: dict[str, str] = {unit: unit for unit in units}

    def root(unit: str) -> str:
        while parent[unit] != unit:
            unit = parent[unit] = parent[parent[unit]]
        return unit

    first: dict[str, str] = {}
    for unit, digest in zip(units, contents, strict=True):
        if digest is not None:
            one, two = sorted((root(unit), root(first.setdefault(digest, unit))))
            parent[two] = one
    return [root(unit) for unit in units]


def _absences(members: Members, place: dict[str, int], parts: int, group: str | None) -> list[str]:
    """One line for every class that some part lacks, and one for those of single laboratories."""
    warnings = []
    present: dict[str, set[int]] = defaultdict(set)
    totals: dict[str, int] = defaultdict(int)
    of_laboratory: dict[Stratum, set[int]] = defaultdict(set)
    for unit, counts in members.items():
        for stratum, count in counts.items():
            present[stratum.label].add(place[unit])
            totals[stratum.label] += count
            of_laboratory[stratum].add(place[unit])
    small = []
    for code in in_display_order(set(totals)):
        absent = parts - len(present[code])
        if not absent:
            small += [
                f"{code} of {laboratory}"
                for label, laboratory in sorted(of_laboratory)
                if label == code and len(of_laboratory[Stratum(label, laboratory)]) < parts
            ]
        else:
            warnings.append(
                f"Class {code} has {totals[code]} images"
                f"{f' in few groups ({group})' if group else ''} and is absent from {absent} of "
                f"{parts} parts; its figures there cannot be computed."
            )
    if small:
        warnings.append(f"Absent from some part, for they are few: {', '.join(small)}.")
    return warnings


def finished_split(
    table: pl.DataFrame,
    column: str,
    values: list[str | None] | list[int | None],
    group: str | None,
    warnings: list[str],
    method: str,
) -> Split:
    """Put the parts into the table, note the method, and say what the ids are worth."""
    kind = pl.String if column == "split" else pl.Int32
    method = f"{method}, by {group or 'image'}"
    others = [name for name in ("split", "fold", METHOD) if name in table.columns]
    table = table.drop(others).with_columns(
        pl.Series(column, values, dtype=kind), pl.lit(method).alias(METHOD)
    )
    ids = (*look_alike_ids(table), *patients_of_several_laboratories(table))
    said = [line for line in (id_warning(table), *ids) if line is not None]
    return Split(table, group, (*said, *warnings), _count_groups(table, column, group))


def _count_groups(table: pl.DataFrame, column: str, group: str | None) -> int | None:
    if group is None:
        return None
    there = table.filter(pl.col(column).is_not_null())[group].cast(pl.String)
    return clean_column(there).drop_nulls().n_unique()
