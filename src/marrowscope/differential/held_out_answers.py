"""Held-out predictions with labels → counts of a classifier's answers, class by class."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import probability_codes, usable
from marrowscope.errors import InputError
from marrowscope.morphology import in_display_order

Array = NDArray[np.float64]

CONFIDENT = (
    0.8  # confidence from which an answer is a sure one; chosen by error, docs/differential.md
)
CONFIDENCE_BANDS = 2  # unsure, sure


@dataclass(frozen=True)
class HeldOutCounts:
    """Answers for held-out cells.

    Attributes:
        codes: classes of truth and answer.
        counts: (C, 2 C) cells by true class and answer; columns 2 k and 2 k + 1 are the answers
            "class k, unsure" and "class k, sure".
    """

    codes: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def cells(self) -> NDArray[np.int64]:
        """(C,) held-out cells per true class."""
        result: NDArray[np.int64] = self.counts.sum(axis=1)
        return result

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"codes": list(self.codes), "sure": CONFIDENT, "counts": self.counts.tolist()}


def held_out_from_dict(content: Any, source: str) -> HeldOutCounts:
    """Check plain data and make it held-out answers again.

    Raises:
        InputError: a field is missing or makes no sense.
    """
    wrong = InputError(f"{source}: is not a table of held-out answers; evaluate the model again")
    if not isinstance(content, dict) or content.get("sure") != CONFIDENT:
        raise wrong
    codes, rows = content.get("codes"), content.get("counts")
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise wrong
    size = len(codes)
    if not isinstance(rows, list) or len(rows) != size or len(set(codes)) != size or not size:
        raise wrong
    for row in rows:
        if not isinstance(row, list) or len(row) != CONFIDENCE_BANDS * size:
            raise wrong
        if not all(type(cell) is int and 0 <= cell < 2**53 for cell in row):
            raise wrong
    return HeldOutCounts(tuple(codes), np.array(rows, dtype=np.int64))


def held_out_from_table(table: pl.DataFrame, source: str = "held-out cells") -> HeldOutCounts:
    """Count the answers in a table with ``label``, ``predicted`` and ``confidence``.

    Unreadable cells, and cells without label or without answer, are left out.

    Args:
        table: of held-out cells only; cells of the training would make the classifier look
            better than it is.
        source: named in errors.

    Raises:
        InputError: a column is missing, or no row has label and answer.
    """
    needed = ("label", "predicted", "confidence")
    missing = [column for column in needed if column not in table.columns]
    if missing:
        raise InputError(
            f"{source}: has no column {', '.join(missing)}; the corrected estimate needs the "
            "predictions of cells of known class"
        )
    rows = usable(table).drop_nulls(list(needed))
    if rows.is_empty():
        raise InputError(f"{source}: no cell has label, predicted class and confidence")
    occurring = {*rows["label"], *rows["predicted"], *probability_codes(table)}
    codes = tuple(in_display_order(occurring))
    counts = np.zeros((len(codes), CONFIDENCE_BANDS * len(codes)), dtype=np.int64)
    place = {code: number for number, code in enumerate(codes)}
    truth = np.array([place[code] for code in rows["label"]])
    np.add.at(counts, (truth, _answers(rows, place)), 1)
    return HeldOutCounts(codes, counts)


def count_answers(table: pl.DataFrame, codes: Iterable[str]) -> NDArray[np.int64]:
    """Answers of a smear's cells, (2 C,), columns as in ``HeldOutCounts``.

    Args:
        table: with ``predicted`` (one of ``codes`` in every row) and ``confidence``.
        codes: classes.
    """
    place = {code: number for number, code in enumerate(codes)}
    result: NDArray[np.int64] = np.bincount(
        _answers(table, place), minlength=CONFIDENCE_BANDS * len(place)
    ).astype(np.int64)
    return result


def _answers(rows: pl.DataFrame, place: dict[str, int]) -> NDArray[np.int64]:
    predicted = np.array([place[code] for code in rows["predicted"]], dtype=np.int64)
    # Float32 first: a confidence of 0.8 must not fall on either side by its type.
    confidence = rows["confidence"].cast(pl.Float32).to_numpy()
    return CONFIDENCE_BANDS * predicted + (confidence >= np.float32(CONFIDENT))
