"""Which reading is meant, and whether it can still be written to."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from marrowscope.differential.count_roles import CellRole
from marrowscope.review.database.tables import cell, reading, reading_cell, smear
from marrowscope.review.refusals import ConflictError, NotFoundError

FIRST, SECOND, ADJUDICATION, AMENDMENT = "first", "second", "adjudication", "amendment"
ROLES = (FIRST, SECOND, ADJUDICATION, AMENDMENT)


@dataclass(frozen=True)
class OpenReading:
    """A reading and its smear, as they are now.

    Attributes:
        id, smear, chain, reader, version: ids and number.
        role: one of ``ROLES``.
        blinded: whether answers of the model and labels of others are withheld from its reader.
        scope: ``all``, or the cells are listed.
        submitted: when; None while it goes on.
        state: of the smear.
        codes: whose probabilities the cells have.
    """

    id: int
    smear: int
    chain: int
    reader: int
    version: int
    role: str
    blinded: bool
    scope: str
    started: str
    submitted: str | None
    state: str
    codes: str


def find_reading(connection: Connection, number: int) -> OpenReading:
    """A reading by its id.

    Raises:
        NotFoundError: there is none.
    """
    asked = (
        select(reading, smear.c.chain_id, smear.c.state, smear.c.codes)
        .join(smear, smear.c.id == reading.c.smear_id)
        .where(reading.c.id == number)
    )
    row = connection.execute(asked).one_or_none()
    if row is None:
        raise NotFoundError(f"reading {number}: no such reading")
    return _opened(row)


def readings_of(connection: Connection, smear_id: int) -> list[OpenReading]:
    """All readings of a smear, in the order in which they were begun."""
    asked = (
        select(reading, smear.c.chain_id, smear.c.state, smear.c.codes)
        .join(smear, smear.c.id == reading.c.smear_id)
        .where(reading.c.smear_id == smear_id)
        .order_by(reading.c.id)
    )
    return [_opened(row) for row in connection.execute(asked)]


def require_open(found: OpenReading) -> None:
    """Refuse to write to a reading that has ended.

    Raises:
        ConflictError: it is submitted, or the smear is signed.
    """
    if found.submitted is not None:
        raise ConflictError(
            "the reading is submitted; reopen it, with a reason, to change it", "submitted"
        )


def cells_in_scope(found: OpenReading) -> ColumnElement[bool]:
    """Condition on ``cell`` that holds for the cells of a reading.

    Cells that were left out of the count are not shown. Cells that another reader added are part of
    what that reader decided, and withheld where the reading is blinded.
    """
    shown = (cell.c.smear_id == found.smear) & (
        cell.c.role.is_(None) | (cell.c.role != CellRole.LEFT_OUT.value)
    )
    own = cell.c.added_in == found.id
    if found.scope != "all":
        listed = select(reading_cell.c.cell_id).where(reading_cell.c.reading_id == found.id)
        return shown & (own | cell.c.id.in_(listed))
    if found.blinded:
        return shown & (own | cell.c.added_in.is_(None))
    return shown


def _opened(row: Row[Any]) -> OpenReading:
    return OpenReading(
        row.id,
        row.smear_id,
        row.chain_id,
        row.reader_id,
        row.version,
        row.role,
        row.blinded,
        row.scope,
        row.started,
        row.submitted,
        row.state,
        row.codes,
    )
