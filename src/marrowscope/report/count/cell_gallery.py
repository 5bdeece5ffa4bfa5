"""Counted cells → those that the gallery shows: the most and the least certain of each class."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from marrowscope.cells import PROBABILITY, probability_codes
from marrowscope.differential.count_roles import name, role
from marrowscope.differential.tally import UNLIKE_KNOWN
from marrowscope.inference.calibrated_engine import NOVEL, NOVELTY
from marrowscope.morphology import CountRole, in_display_order


@dataclass(frozen=True)
class GalleryCell:
    """One cell: its id, JPEG, confidence, field, the second choice, and its role if not counted."""

    cell_id: str
    picture: bytes
    confidence: float
    field: str
    second: str
    note: str


@dataclass(frozen=True)
class ClassGallery:
    """The cells of one class; ``least`` is empty when there are pictures of few.

    ``total`` is how many cells got this answer, those that were left out aside. ``novel``: they are
    no class, but cells unlike anything that the model knows; ``most`` are the most unlike.
    """

    code: str
    name: str
    counted: bool
    total: int
    most: tuple[GalleryCell, ...]
    least: tuple[GalleryCell, ...]
    novel: bool = False


def class_galleries(
    cells: pl.DataFrame, pictures: Mapping[str, bytes], each: int
) -> tuple[ClassGallery, ...]:
    """Cells with a picture by predicted class, counted classes first, from sure to unsure.

    Cells unlike anything that the model knows come before all classes, from the most unlike on.

    Args:
        cells: as in ``SmearCount.cells``.
        pictures: JPEG by ``cell_id``.
        each: most certain and as many least certain ones of each class.
    """
    codes = probability_codes(cells)
    at_hand = cells.filter(
        pl.col("cell_id").is_in(list(pictures)) & pl.col("predicted").is_not_null()
    ).with_columns(pl.col("confidence").cast(pl.Float64).fill_null(0).fill_nan(0))
    answered = cells.filter(pl.col("role") != "left out")
    found = []
    if NOVEL in cells.columns:
        unlike = pl.col(NOVEL).fill_null(False)
        found += _novel_gallery(
            at_hand.filter(unlike), answered.filter(unlike).height, pictures, each
        )
        at_hand, answered = at_hand.filter(~unlike), answered.filter(~unlike)
    totals = dict(answered["predicted"].drop_nulls().value_counts().iter_rows())
    order = in_display_order(set(at_hand["predicted"].to_list()))
    for code in sorted(order, key=lambda one: role(one) is not CountRole.COUNTED):
        rows = at_hand.filter(pl.col("predicted") == code).sort(
            ["confidence", "cell_id"], descending=[True, False]
        )
        ranked = [_shown(row, pictures, codes) for row in rows.iter_rows(named=True)]
        most, rest = ranked[:each], ranked[each:]
        found.append(
            ClassGallery(
                code,
                name(code),
                role(code) is CountRole.COUNTED,
                totals.get(code, 0),
                tuple(most),
                tuple(rest[::-1][:each]),
            )
        )
    return tuple(found)


def _novel_gallery(
    rows: pl.DataFrame, total: int, pictures: Mapping[str, bytes], each: int
) -> list[ClassGallery]:
    if rows.is_empty():
        return []
    codes = probability_codes(rows)
    rows = rows.sort([NOVELTY, "cell_id"], descending=[True, False])
    ranked = [
        replace(_shown(row, pictures, codes), note=f"answer {row['predicted']}")
        for row in rows.iter_rows(named=True)
    ]
    most, rest = ranked[:each], ranked[each:]
    name = UNLIKE_KNOWN[0].upper() + UNLIKE_KNOWN[1:]
    return [ClassGallery(NOVEL, name, False, total, tuple(most), tuple(rest[::-1][:each]), True)]


def _shown(row: dict[str, object], pictures: Mapping[str, bytes], codes: list[str]) -> GalleryCell:
    cell, part = str(row["cell_id"]), str(row["role"])
    expected = part == "counted" or (
        part != "left out" and role(str(row["predicted"])) != CountRole.COUNTED
    )
    return GalleryCell(
        cell,
        pictures[cell],
        float(row["confidence"]),  # type: ignore[arg-type]
        str(row["field_id"]),
        _second(row, codes),
        "" if expected else part,
    )


def _second(row: dict[str, object], codes: list[str]) -> str:
    """The next likely class with its probability, where it has one worth naming."""
    others = [
        (float(value), code)
        for code in codes
        if code != row["predicted"] and isinstance(value := row[PROBABILITY + code], float)
    ]
    value, code = max(others, key=lambda one: one[0], default=(0.0, ""))
    return f"{code} {value:.2f}" if value >= 0.05 else ""
