"""Cell tables, of several laboratories perhaps → one table, in which no content counts twice."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from marrowscope.cells import IN_FIELD, LABORATORY, SCHEMA, usable
from marrowscope.dataset.laboratories import patients_of_several_laboratories
from marrowscope.dataset.repeated_content import errors_of_repeats, numbered, without_repeats
from marrowscope.errors import InputError


@dataclass(frozen=True)
class MergeResult:
    """Tables below each other.

    Attributes:
        table: all rows of all tables, in their order; columns that a table lacks are null there.
        repeated: rows that are excluded now, because another table holds the same content.
        warnings: one sentence each.
    """

    table: pl.DataFrame
    repeated: int
    warnings: tuple[str, ...]


def merge(tables: Sequence[tuple[str, pl.DataFrame]]) -> MergeResult:
    """Put cell tables below each other.

    What the index does within one table is done across them: content under two labels is excluded,
    repeated content counts once, and a ``cell_id`` that comes again gets a number. Other errors,
    such as those of overlaps, stay.

    Args:
        tables: names, for messages, and tables.

    Raises:
        InputError: fewer than two, or columns of the same name hold different kinds of values.
    """
    if len(tables) < 2:
        raise InputError("`tables`: name two cell tables or more")
    try:
        merged = pl.concat([table for _, table in tables], how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        reason = " ".join(str(error).split())[:160]
        names = ", ".join(name for name, _ in tables)
        raise InputError(
            f"{names}: the tables do not fit together ({reason}); give columns of one name the "
            "same kind of values"
        ) from None
    before = usable(merged).height
    needed = ("error", "label", "sha256")
    lacking = [pl.lit(None, pl.String).alias(one) for one in needed if one not in merged.columns]
    whole = merged.with_columns(
        lacking,
        *([pl.col(IN_FIELD).fill_null(False)] if IN_FIELD in merged.columns else []),
    )
    kept = [without_repeats(error) for error in whole["error"]]
    errors = errors_of_repeats(whole.with_columns(pl.Series("error", kept, dtype=pl.String)))
    table = merged.with_columns(
        pl.Series("error", errors, dtype=pl.String),
        pl.Series("cell_id", numbered(merged["cell_id"].cast(pl.String).to_list())),
    )
    order = [name for name in SCHEMA if name in table.columns]
    table = table.select(*order, pl.exclude(order))
    warnings = (*_without_laboratory(tables), *patients_of_several_laboratories(table))
    return MergeResult(table, max(0, before - usable(table).height), warnings)


def _without_laboratory(tables: Sequence[tuple[str, pl.DataFrame]]) -> list[str]:
    """Which tables do not say which laboratory their cells are of."""
    silent = []
    for name, table in tables:
        missing = table[LABORATORY].null_count() if LABORATORY in table.columns else table.height
        if missing:
            silent.append(f"{name} ({missing} of {table.height} cells)")
    if not silent:
        return []
    return [
        f"no laboratory is named in {', '.join(silent)}; 'marrowscope index --laboratory NAME' "
        "names it, and reads no file that did not change"
    ]
