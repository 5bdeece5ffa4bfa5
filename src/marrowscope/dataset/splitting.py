"""A cell table → splits or folds that no content, patient or slide crosses.

Who goes where is decided by SHA-256 of (seed, content or group): not by row order, not by a random
generator whose stream may change between versions.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np
import polars as pl

from marrowscope.cells import IN_FIELD, group_column, usable
from marrowscope.dataset.contents import id_warning, incomplete_group_column, look_alike_ids
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

    def counts(self) -> dict[str, dict[str, int]]:
        """Images per class (outer key) and part (inner key)."""
        column = "fold" if "fold" in self.table.columns else "split"
        rows = self.table.filter(pl.col(column).is_not_null()).group_by("label", column).len()
        result: dict[str, dict[str, int]] = {}
        labels = set(rows["label"].drop_nulls().to_list())
        parts = sorted({str(part) for part in rows[column].to_list()})
        for code in in_display_order(labels):
            result[code] = dict.fromkeys(parts, 0)
        for label, part, count in rows.rows():
            if label is not None:
                result[label][str(part)] = count
        return result


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
    group = group_column(table) or incomplete_group_column(table)
    identity = "sha256" if "sha256" in table.columns else "cell_id"
    takes_part = table.select(
        pl.col("label").is_not_null()
        & (pl.col("error").is_null() if "error" in table.columns else pl.lit(True))
    ).to_series()
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
    labels = table["label"].to_list()
    members: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for unit, label, part in zip(units, labels, takes_part, strict=True):
        if part:
            members[unit][label] += 1
    place = _by_group(members, shares, seed) if together else _by_class(members, shares, seed)
    parts = [place[unit] if part else None for unit, part in zip(units, takes_part, strict=True)]
    return parts, group, _absences(members, place, len(shares), group)


def _by_class(
    members: dict[str, dict[str, int]], shares: tuple[float, ...], seed: int
) -> dict[str, int]:
    """Every unit is one image content: deal each class out in hash order, exact to one image."""
    by_label: dict[str, list[str]] = defaultdict(list)
    for unit, counts in members.items():
        # Index excludes content with two labels; should a table hold some, it goes with one.
        by_label[min(counts)].append(unit)
    place = {}
    for label, units in by_label.items():
        units.sort(key=lambda unit: _digest(seed, unit))
        bounds = np.round(np.cumsum(shares) * len(units)).astype(int)
        if len(shares) == 2 and len(units) >= 2:
            bounds[0] = min(max(bounds[0], 1), len(units) - 1)
        # Small classes start at different parts, so that they do not all miss the same one.
        turn = _digest(seed, "class " + label) % len(shares) if len(set(shares)) == 1 else 0
        for rank, unit in enumerate(units):
            place[unit] = int(np.searchsorted(bounds, rank, side="right") + turn) % len(shares)
    return place


def _by_group(
    members: dict[str, dict[str, int]], shares: tuple[float, ...], seed: int
) -> dict[str, int]:
    """Greedy: groups from large to small, each to the part that lacks its classes most.

    Sums go through ``fsum``, whose result does not depend on order or machine.
    """
    totals: dict[str, int] = defaultdict(int)
    for counts in members.values():
        for label, count in counts.items():
            totals[label] += count
    weights = {
        unit: {label: count / totals[label] for label, count in counts.items()}
        for unit, counts in members.items()
    }

    def order(unit: str) -> tuple[float, int]:
        # Large groups first, but not strictly: the seed has to matter.
        jitter = 0.5 + _digest(seed, unit) / 2**64
        return -fsum(weights[unit].values()) * jitter, _digest(seed, unit)

    filled: list[dict[str, float]] = [defaultdict(float) for _ in shares]
    place = {}
    for unit in sorted(members, key=order):
        gains = [
            round(fsum(w * (1 - have[label] / share) for label, w in weights[unit].items()), 12)
            for have, share in zip(filled, shares, strict=True)
        ]
        part = place[unit] = gains.index(max(gains))
        for label, weight in weights[unit].items():
            filled[part][label] += weight
    return place


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


def _absences(
    members: dict[str, dict[str, int]], place: dict[str, int], parts: int, group: str | None
) -> list[str]:
    """One line for every class that some part does not have."""
    warnings = []
    present: dict[str, set[int]] = defaultdict(set)
    totals: dict[str, int] = defaultdict(int)
    for unit, counts in members.items():
        for label, count in counts.items():
            present[label].add(place[unit])
            totals[label] += count
    for code in in_display_order(set(totals)):
        absent = parts - len(present[code])
        if absent:
            warnings.append(
                f"Class {code} has {totals[code]} images"
                f"{f' in few groups ({group})' if group else ''} and is absent from {absent} of "
                f"{parts} parts; its figures there cannot be computed."
            )
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
    said = [line for line in (id_warning(table), *look_alike_ids(table)) if line is not None]
    return Split(table, group, (*said, *warnings), _count_groups(table, column, group))


def _count_groups(table: pl.DataFrame, column: str, group: str | None) -> int | None:
    if group is None:
        return None
    there = table.filter(pl.col(column).is_not_null())[group].cast(pl.String)
    return clean_column(there).drop_nulls().n_unique()


def _digest(seed: int, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {text}".encode()).digest()[:8], "big")
