"""Cells of a smear with what readers decided → a cell table, as every other step takes it."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from sqlalchemy import Connection, select

from marrowscope.cells import PROBABILITY
from marrowscope.review.database.label_rows import NO_CELL, UNIDENTIFIED
from marrowscope.review.database.tables import cell, event, field, person, smear
from marrowscope.review.pictures.cell_crops import picture_path
from marrowscope.review.readings.final_labels import FinalLabel

_SCHEMA = {
    "cell_id": pl.String, "path": pl.String, "slide_id": pl.String, "field_id": pl.String,
    "x": pl.Float64, "y": pl.Float64, "x0": pl.Float64, "y0": pl.Float64, "x1": pl.Float64,
    "y1": pl.Float64, "in_field": pl.Boolean, "microns_per_pixel": pl.Float64,
    "nuclear_area": pl.Float64, "predicted": pl.String, "confidence": pl.Float64,
    "label": pl.String, "label_before": pl.String, "annotator": pl.String, "reading": pl.String,
    "labelled_at": pl.String, "comment": pl.String, "review": pl.String, "row": pl.Int64,
}  # fmt: skip


def reviewed_cells(
    connection: Connection, smear_id: int, labels: Mapping[int, FinalLabel]
) -> pl.DataFrame:
    """The cells of a smear as a cell table.

    Beside the usual columns: ``label`` (null where it was not decided, cannot be told, or there is
    no cell), ``label_before`` of the table that it came from, ``annotator``, ``reading``,
    ``labelled_at``, ``comment``, ``review`` (``decided``, ``not reviewed``, ``cannot be told``,
    ``no cell``, ``left out``), and ``row``: the id of the cell.

    Args:
        connection: to the database.
        smear_id: id.
        labels: by cell; cells that are not in it were not shown.
    """
    facts = connection.execute(select(smear).where(smear.c.id == smear_id)).one()
    people = {row.id: row.display for row in connection.execute(select(person))}
    times = select(event.c.number, event.c.time).where(event.c.chain_id == facts.chain_id)
    when: dict[int, str] = {number: time for number, time in connection.execute(times)}
    asked = (
        select(cell, field.c.name.label("field_name"))
        .outerjoin(field, field.c.id == cell.c.field_id)
        .where(cell.c.smear_id == smear_id)
        .order_by(cell.c.id)
    )
    rows, stored = [], []
    for row in connection.execute(asked):
        rows.append(_row(row, facts, labels.get(row.id), people, when))
        stored.append(row.probabilities)
    table = pl.DataFrame(rows, schema=_SCHEMA)
    return _with_probabilities(table, stored, json.loads(facts.codes))


def _row(
    row: Any,
    facts: Any,
    given: FinalLabel | None,
    people: Mapping[int, str],
    when: Mapping[int, str],
) -> dict[str, Any]:
    decided = given is not None and given.state is not None
    code = given.state if given is not None and decided else None
    return {
        **{
            name: getattr(row, name)
            for name in ("x", "y", "x0", "y0", "x1", "y1", "in_field", "nuclear_area",
                         "microns_per_pixel", "predicted", "confidence")
        },
        "cell_id": row.uid,
        "path": None if row.path is None else picture_path(facts.root, row.path),
        "slide_id": facts.name,
        "field_id": row.field_name,
        "label": None if code in (UNIDENTIFIED, NO_CELL) else code,
        "label_before": row.given_label,
        "annotator": people.get(given.person) if given is not None and decided else None,
        "reading": given.role if given is not None and decided else None,
        "labelled_at": when.get(given.number) if given is not None and decided else None,
        "comment": None if given is None else given.comment,
        "review": _review(given, code),
        "row": row.id,
    }  # fmt: skip


def _review(given: FinalLabel | None, code: str | None) -> str:
    if given is None:
        return "left out"
    if code is None:
        return "not reviewed"
    return {UNIDENTIFIED: "cannot be told", NO_CELL: "no cell"}.get(code, "decided")


def _with_probabilities(
    table: pl.DataFrame, stored: list[bytes | None], codes: list[str]
) -> pl.DataFrame:
    """The answers of the model to the bit, null where there are none."""
    length = max((len(one) for one in stored if one is not None), default=0) // 4
    if not length:
        return table
    nothing = np.full(length, np.nan, np.float32).tobytes()
    shares = np.frombuffer(b"".join(one or nothing for one in stored), np.float32)
    values = shares.reshape(-1, length)
    return table.with_columns(
        pl.Series(PROBABILITY + code, values[:, place]).fill_nan(None)
        for place, code in enumerate(codes[:length])
    )
