"""Cells of a reading → columns for the page: one list for each, in one order."""

import json
import random
from typing import Any

from sqlalchemy import Connection, Row, select

from marrowscope.morphology import in_display_order
from marrowscope.review.database.label_rows import NO_CELL, UNIDENTIFIED
from marrowscope.review.database.tables import cell, field, label, reading
from marrowscope.review.pictures.sprite_sheets import BY_CLASS, BY_PLACE, CELLS, sheets_of
from marrowscope.review.pictures.sprite_sheets import COLUMNS as SHEET_COLUMNS
from marrowscope.review.pictures.sprite_sheets import ROWS as SHEET_ROWS
from marrowscope.review.pictures.sprite_sheets import SIDE as SHEET_SIDE
from marrowscope.review.readings.blinding import ReadingView
from marrowscope.review.readings.reading_access import ADJUDICATION, cells_in_scope
from marrowscope.review.readings.reading_count import below_threshold

_BOX = ("x0", "y0", "x1", "y1")


def cell_columns(
    connection: Connection, view: ReadingView, seq: int, after: int, limit: int
) -> dict[str, Any]:
    """Cells of a reading as data for JSON.

    Args:
        connection: to the database.
        view: of the reading; what is withheld is not in the columns.
        seq: number of the last event that is in them.
        after: id; cells with larger ids come.
        limit: how many at most.
    """
    found = view.reading
    joined = cell.outerjoin(
        label, (label.c.cell_id == cell.c.id) & (label.c.reading_id == found.id)
    )
    asked = (
        select(cell, label.c.state, label.c.comment, label.c.number, label.c.person_id)
        .select_from(joined)
        .where(cells_in_scope(found), cell.c.id > after)
        .order_by(cell.c.id)
        .limit(limit + 1)
    )
    rows = list(connection.execute(asked))
    more, rows = len(rows) > limit, rows[:limit]
    fields = _fields(connection, found.smear)
    votes = _votes(connection, view) if found.role == ADJUDICATION else {}
    codes = _codes(rows, json.loads(found.codes), view.withheld, votes)
    place = {code: number for number, code in enumerate(codes)}
    arrangement = BY_PLACE if view.withheld else BY_CLASS
    columns: dict[str, list[Any]] = {
        "id": [row.id for row in rows],
        "field": [fields[1].get(row.field_id, -1) for row in rows],
        "x": [row.x for row in rows],
        "y": [row.y for row in rows],
        "box": [getattr(row, name) for row in rows for name in _BOX],
        **_sheet_columns(rows, arrangement),
        "size": [row.nuclear_area for row in rows],
        "label": [place.get(row.state, -1) for row in rows],
        "decided_by": [row.person_id or 0 if row.state else 0 for row in rows],
        "removed": [int(row.state == NO_CELL) for row in rows],
        "comment": [int(row.comment is not None) for row in rows],
        "added": [int(row.added_in is not None) for row in rows],
        "stamp": [row.number or 0 for row in rows],
    }
    if not view.withheld:
        columns |= {
            "predicted": [place.get(row.predicted, -1) for row in rows],
            "confidence": [_rounded(row.confidence) for row in rows],
            "uncertainty": [
                None if row.margin is None else _rounded(1 - row.margin) for row in rows
            ],
            "unsure": [
                int(row.predicted is not None and below_threshold(row.predicted, row.role))
                for row in rows
            ],
        }
    if found.role == ADJUDICATION:
        columns["votes"] = [
            [place.get(code or "", -1) for code in votes.get(row.id, ())] for row in rows
        ]
    return {
        "smear": found.smear,
        "reading": found.id,
        "seq": seq,
        "count": len(rows),
        "next": rows[-1].id if more else None,
        "codes": codes,
        "blinded": view.withheld,
        "sheets": [
            f"/api/smears/{found.smear}/sheets/{one.name}"
            for one in sheets_of(connection, found.smear, arrangement)
        ],
        "sheet": {"columns": SHEET_COLUMNS, "rows": SHEET_ROWS, "side": SHEET_SIDE},
        "fields": fields[0],
        "columns": columns,
    }


def _fields(connection: Connection, smear_id: int) -> tuple[list[dict[str, Any]], dict[int, int]]:
    """Fields of a smear, and their places in the list by id."""
    asked = select(field).where(field.c.smear_id == smear_id).order_by(field.c.id)
    rows = list(connection.execute(asked))
    listed = [
        {"id": row.id, "name": row.name, "x": row.x, "y": row.y, "width": row.width,
         "height": row.height}
        for row in rows
    ]  # fmt: skip
    return listed, {row.id: place for place, row in enumerate(rows)}


def _codes(
    rows: list[Row[Any]], own: list[str], withheld: bool, votes: dict[int, list[str | None]]
) -> list[str]:
    """Classes that the columns refer to."""
    used = {row.state for row in rows} | {code for both in votes.values() for code in both}
    if not withheld:
        used |= {row.predicted for row in rows}
    named = {*used, *own} - {None, NO_CELL, UNIDENTIFIED}
    return [*in_display_order({one for one in named if one}), UNIDENTIFIED]


def _sheet_columns(rows: list[Row[Any]], arrangement: str) -> dict[str, list[Any]]:
    ranks = [row.by_class if arrangement == BY_CLASS else row.by_place for row in rows]
    return {
        "sheet": [rank // CELLS if row.path else -1 for row, rank in zip(rows, ranks, strict=True)],
        "slot": [rank % CELLS for rank in ranks],
    }


def _votes(connection: Connection, view: ReadingView) -> dict[int, list[str | None]]:
    """What the two readers decided for each cell, in an order that does not tell who is who."""
    asked = (
        select(label.c.cell_id, label.c.state)
        .join(reading, reading.c.id == label.c.reading_id)
        .where(reading.c.smear_id == view.reading.smear, reading.c.role.in_(("first", "second")))
        .order_by(reading.c.id)
    )
    votes: dict[int, list[str | None]] = {}
    for cell_id, state in connection.execute(asked):
        votes.setdefault(cell_id, []).append(state)
    for cell_id, both in votes.items():
        random.Random(f"{view.reading.id} {cell_id}").shuffle(both)
    return votes


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
