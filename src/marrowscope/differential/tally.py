"""Predictions of single cells → counts per class, and what was not counted."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from marrowscope.cells import probability_codes
from marrowscope.differential.count_roles import role_codes
from marrowscope.errors import InputError
from marrowscope.morphology import CODES, CountRole, in_display_order

BELOW_THRESHOLD = "confidence below the threshold"
UNLIKE_KNOWN = "unlike anything that the model knows"


@dataclass(frozen=True)
class Tally:
    """Cells by what becomes of them; every row of the table is in exactly one of the parts.

    Attributes:
        counted: cells per counted class of the scheme, 0 included, in display order.
        not_classified: cells per reason: a class that stands for it, ``BELOW_THRESHOLD``, or
            ``UNLIKE_KNOWN``.
        excluded: cells per class of objects that are not countable.
        left_out: rows per reason for which they were not looked at: a flag, or unreadable.
        known: classes that the classifier can answer.
        answered: the rows behind the first three parts.
        familiar: those of them that are not ``UNLIKE_KNOWN``; of the others the answers for
            held-out cells say nothing.
    """

    counted: dict[str, int]
    not_classified: dict[str, int]
    excluded: dict[str, int]
    left_out: dict[str, int]
    known: tuple[str, ...]
    answered: pl.DataFrame
    familiar: pl.DataFrame

    @property
    def countable(self) -> int:
        """Cells of the denominator."""
        return sum(self.counted.values())

    @property
    def unclassified(self) -> int:
        """Cells that may belong into the denominator."""
        return sum(self.not_classified.values())

    @property
    def novel(self) -> int | None:
        """Cells unlike anything that the model knows; None where they were not told."""
        return self.not_classified.get(UNLIKE_KNOWN)

    @property
    def looked_at(self) -> int:
        """All cells that got an answer."""
        return self.answered.height


def tally(
    table: pl.DataFrame,
    known: Iterable[str] | None = None,
    min_confidence: float | None = None,
    flags: Iterable[str] = (),
    source: str = "cell table",
    novel: str | None = None,
) -> Tally:
    """Count the cells of a table by class.

    Args:
        table: with ``predicted``, and ``confidence`` where a threshold is given.
        known: classes that the classifier was taught, as its card says. Without, those whose
            probability is not 0 in every row; without probabilities, all of the scheme.
        min_confidence: below it an answer is none, and the cell is not classified; 0 to 1.
        flags: names of Boolean columns; a row for which one is true is left out.
        source: named in errors.
        novel: name of a Boolean column; a cell for which it is true is unlike anything that the
            model knows, and not classified whatever the answer.

    Raises:
        InputError: a column is missing or of the wrong type, or the threshold is not a share.
    """
    _check(table, min_confidence, (*flags, *(() if novel is None else (novel,))), source)
    left_out: dict[str, int] = {}
    rows = table.with_columns(pl.col("predicted").cast(pl.String))
    if "error" in rows.columns:
        left_out["unreadable"] = rows.height - rows["error"].null_count()
        rows = rows.filter(pl.col("error").is_null())
    for flag in flags:
        raised = pl.col(flag).fill_null(False)
        left_out[flag] = int(rows.select(raised.sum()).item()) if rows.height else 0
        rows = rows.filter(~raised)
    left_out["without prediction"] = rows["predicted"].null_count()
    rows = rows.drop_nulls("predicted")
    familiar = rows if novel is None else rows.filter(~pl.col(novel).fill_null(False))
    sure = familiar
    if min_confidence is not None:
        sure = familiar.filter(
            pl.col("confidence").cast(pl.Float64).fill_nan(None) >= min_confidence
        )
    numbers = dict(sure["predicted"].value_counts().iter_rows())
    codes = in_display_order({*CODES, *numbers})
    parts = {
        kind: {code: numbers.get(code, 0) for code in role_codes(kind, codes)}
        for kind in (CountRole.COUNTED, CountRole.NOT_CLASSIFIED, CountRole.EXCLUDED)
    }
    if min_confidence is not None:
        parts[CountRole.NOT_CLASSIFIED][BELOW_THRESHOLD] = familiar.height - sure.height
    if novel is not None:
        parts[CountRole.NOT_CLASSIFIED][UNLIKE_KNOWN] = rows.height - familiar.height
    return Tally(
        parts[CountRole.COUNTED],
        parts[CountRole.NOT_CLASSIFIED],
        parts[CountRole.EXCLUDED],
        {reason: number for reason, number in left_out.items() if number},
        _known(table, known, numbers),
        rows,
        familiar,
    )


def _check(
    table: pl.DataFrame, min_confidence: float | None, flags: Iterable[str], source: str
) -> None:
    needed = ["predicted", *flags, *(["confidence"] if min_confidence is not None else [])]
    missing = [column for column in needed if column not in table.columns]
    if missing:
        raise InputError(
            f"{source}: has no column {', '.join(missing)}; predict the cells with "
            "'marrowscope predict' first"
        )
    for flag in flags:
        if table[flag].dtype not in (pl.Boolean, pl.Null):
            raise InputError(f"{source}: column {flag} is not a flag; expected true and false")
    if min_confidence is not None and not 0 <= min_confidence <= 1:
        raise InputError(f"`min_confidence` is {min_confidence}; expected 0 to 1")


def _known(
    table: pl.DataFrame, known: Iterable[str] | None, numbers: dict[str, int]
) -> tuple[str, ...]:
    if known is not None:
        return tuple(in_display_order({*known, *numbers}))
    named = probability_codes(table)
    if not named:
        return tuple(in_display_order({*CODES, *numbers}))
    probable = {
        code
        for code in named
        if (table[f"p_{code}"].cast(pl.Float64).fill_nan(0).max() or 0.0) > 0  # type: ignore[operator]
    }
    return tuple(in_display_order({*probable, *numbers}))


def unknown_classes(known: Iterable[str]) -> tuple[str, ...]:
    """Classes of the scheme that the classifier cannot answer."""
    return tuple(code for code in CODES if code not in set(known))
