"""One cell → all that a reader may know of it."""

import json
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from marrowscope.review.database.tables import cell, event, label, person, smear
from marrowscope.review.readings.blinding import ReadingView
from marrowscope.review.readings.reading_access import cells_in_scope
from marrowscope.review.refusals import NotFoundError

_NEAREST = 12


def cell_facts(connection: Connection, view: ReadingView, number: int) -> dict[str, Any]:
    """Place, answer of the model, label, history and neighbours of a cell, as data for JSON.

    Raises:
        NotFoundError: the reading has no such cell.
    """
    found = view.reading
    asked = select(cell).where(cells_in_scope(found), cell.c.id == number)
    row = connection.execute(asked).one_or_none()
    if row is None:
        raise NotFoundError(f"cell {number}: not in this reading")
    own = select(label).where(label.c.reading_id == found.id, label.c.cell_id == number)
    decided = connection.execute(own).one_or_none()
    facts: dict[str, Any] = {
        "id": row.id,
        "uid": None if view.withheld else row.uid,  # names of files may say the class
        "field": row.field_id,
        "x": row.x,
        "y": row.y,
        "box": None if row.x0 is None else [row.x0, row.y0, row.x1, row.y1],
        "size": row.nuclear_area,
        "label": decided and decided.state,
        "comment": decided and decided.comment,
        "crop": f"/api/cells/{row.id}/crop.jpg" if row.path else None,
        "context": f"/api/cells/{row.id}/context.jpg" if row.in_field else None,
        "nearest": _nearest(connection, view, row),
        "history": history_of_cell(connection, view, number),
    }
    if not view.withheld:
        asked = select(smear.c.codes, smear.c.model_name).where(smear.c.id == found.smear)
        codes, model = connection.execute(asked).one()
        facts |= {
            "probabilities": _probabilities(row.probabilities, json.loads(codes)),
            "predicted": row.predicted,
            "confidence": row.confidence,
            "given_label": row.given_label,
            "model": model,
        }
    return facts


def _probabilities(stored: bytes | None, codes: list[str]) -> list[list[Any]]:
    """Class and probability, the largest first."""
    if stored is None:
        return []
    shares = np.frombuffer(stored, np.float32)
    order = np.argsort(-shares, kind="stable")
    return [[codes[place], round(float(shares[place]), 4)] for place in order]


def _nearest(connection: Connection, view: ReadingView, row: Any) -> list[int]:
    """Cells of the same field, the nearest first."""
    if row.x is None or row.field_id is None:
        return []
    away = (cell.c.x - row.x) * (cell.c.x - row.x) + (cell.c.y - row.y) * (cell.c.y - row.y)
    asked = (
        select(cell.c.id)
        .where(
            cells_in_scope(view.reading), cell.c.field_id == row.field_id, cell.c.id != row.id,
            cell.c.x.is_not(None),
        )
        .order_by(away, cell.c.id)
        .limit(_NEAREST)
    )  # fmt: skip
    return list(connection.execute(asked).scalars())


def history_of_cell(connection: Connection, view: ReadingView, number: int) -> list[dict[str, Any]]:
    """What was done with a cell, in its order; of other readings only where they may be seen."""
    asked = (
        select(event, person.c.display)
        .outerjoin(person, person.c.id == event.c.person_id)
        .where(event.c.smear_id == view.reading.smear, event.c.reading_id.is_not(None))
        .order_by(event.c.number)
    )
    if view.withheld:
        asked = asked.where(event.c.reading_id == view.reading.id)
    found = []
    for row in connection.execute(asked):
        content = json.loads(row.content)
        for name in ("changes", "comments"):
            for one, old, new in content.get(name, ()):
                if one == number:
                    found.append({
                        "seq": row.number, "time": row.time, "user": row.display,
                        "reading": row.reading_id, "kind": row.kind, "old": old, "new": new,
                        "reason": content.get("reason"),
                    })  # fmt: skip
    return found
