"""In which order cells are shown one after another."""

import hashlib

from sqlalchemy import Connection, select

from marrowscope.review.database.tables import cell
from marrowscope.review.readings.blinding import ReadingView
from marrowscope.review.readings.event_request import FieldError
from marrowscope.review.readings.reading_access import cells_in_scope
from marrowscope.review.refusals import ForbiddenError

ORDERS = ("random", "uncertain", "place", "size")


def cell_order(connection: Connection, view: ReadingView, by: str) -> list[int]:
    """Ids of all cells of a reading.

    Args:
        connection: to the database.
        view: of the reading.
        by: ``random`` (always the same for a reading), ``uncertain`` first, ``place``, or ``size``
            of the nucleus, the largest first.

    Raises:
        FieldError: there is no such order.
        ForbiddenError: it would tell what the model answered.
    """
    if by not in ORDERS:
        raise FieldError(f"`by` is none of {', '.join(ORDERS)}")
    if by == "uncertain" and view.withheld:
        raise ForbiddenError("the answers of the model are withheld in this reading", "blinded")
    asked = select(cell.c.id, cell.c.margin, cell.c.by_place, cell.c.nuclear_area).where(
        cells_in_scope(view.reading)
    )
    rows = list(connection.execute(asked.order_by(cell.c.id)))
    if by == "random":
        rows.sort(key=lambda row: hashlib.sha256(f"{view.reading.id} {row.id}".encode()).digest())
    elif by == "uncertain":
        rows.sort(key=lambda row: 1.0 if row.margin is None else row.margin)
    elif by == "size":
        rows.sort(key=lambda row: -(row.nuclear_area or 0.0))
    else:
        rows.sort(key=lambda row: row.by_place)
    return [row.id for row in rows]
