"""A reading begins, is submitted and may be reopened; the smear's state follows."""

import hashlib

from sqlalchemy import Connection, func, insert, select, update

from marrowscope.review.database.connection import Database
from marrowscope.review.database.event_chain import Actor, append_event, now
from marrowscope.review.database.label_rows import UNIDENTIFIED
from marrowscope.review.database.tables import cell, label, reading, reading_cell, smear
from marrowscope.review.readings.event_request import FieldError
from marrowscope.review.readings.reading_access import (
    ADJUDICATION,
    AMENDMENT,
    FIRST,
    SECOND,
    OpenReading,
    cells_in_scope,
    find_reading,
    readings_of,
    require_open,
)
from marrowscope.review.refusals import ConflictError, NotFoundError

NEW, COUNTING, FAILED, COUNTED = "new", "counting", "failed", "counted"
IN_REVIEW, SECOND_READING, IN_ADJUDICATION = "in review", "second reading", "adjudication"
SIGNED, AMENDED = "signed", "amended"
STATES = (
    NEW, COUNTING, FAILED, COUNTED, IN_REVIEW, SECOND_READING, IN_ADJUDICATION, SIGNED, AMENDED,
)  # fmt: skip
_NOT_COUNTED = (NEW, COUNTING, FAILED)
_STATE_OF_ROLE = {
    FIRST: IN_REVIEW,
    SECOND: SECOND_READING,
    ADJUDICATION: IN_ADJUDICATION,
    AMENDMENT: AMENDED,
}


def begin_reading(
    database: Database,
    smear_id: int,
    role: str,
    reader: int,
    blinded: bool = False,
    share: float | None = None,
) -> tuple[OpenReading, bool]:
    """Begin a reading, or find that of this role which the reader has begun already.

    Args:
        database: of the review.
        smear_id: of the smear.
        role: ``first``, ``second`` (always blinded) or ``adjudication`` (of what two readers see
            differently).
        reader: id of the person.
        blinded: whether the model's answers are withheld from a first reader, too.
        share: of the cells that a second reader gets, in (0, 1]; None: all.

    Returns:
        The reading, and whether it is new.

    Raises:
        NotFoundError: no such smear.
        ConflictError: the smear is not in a state for it, or somebody else has this reading.
        FieldError: a role or share that there is not.
    """
    if role not in (FIRST, SECOND, ADJUDICATION):
        raise FieldError(f"`role` is none of {FIRST}, {SECOND}, {ADJUDICATION}")
    if share is not None and not 0 < share <= 1:
        raise FieldError("`share` is not above 0 and at most 1")
    with database.writing() as connection:
        row = lock_smear(connection, smear_id)
        there = {one.role: one for one in readings_of(connection, smear_id)}
        if role in there:
            if there[role].reader != reader:
                raise ConflictError(f"somebody else has the {role} reading of this smear", "taken")
            return there[role], False
        _require_state(row.state, role, there, reader)
        scope = "disagreements" if role == ADJUDICATION else "all" if share is None else "sample"
        made = connection.execute(
            insert(reading)
            .values(
                smear_id=smear_id, role=role, version=1, reader_id=reader,
                blinded=role == SECOND or (role == FIRST and blinded), scope=scope, started=now(),
            )
            .returning(reading.c.id)
        )  # fmt: skip
        found = find_reading(connection, int(made.scalar_one()))
        _list_cells(connection, found, there, share)
        set_state(connection, smear_id, _STATE_OF_ROLE[role])
        append_event(
            connection, row.chain_id, "begin",
            {"role": role, "blinded": found.blinded, "scope": scope},
            Actor(reader, smear_id, found.id),
        )  # fmt: skip
        return find_reading(connection, found.id), True


def submit_reading(database: Database, reading_id: int, person: int) -> OpenReading:
    """End a reading: every cell is decided.

    Raises:
        NotFoundError: no such reading.
        ConflictError: it is submitted already, or cells are not decided; ``unreviewed`` says how
            many, ``unidentified`` how many cannot be told.
    """
    with database.writing() as connection:
        found = find_reading(connection, reading_id)
        lock_smear(connection, found.smear)
        found = find_reading(connection, reading_id)
        require_open(found)
        unreviewed, unidentified = undecided(connection, found)
        if unreviewed:
            raise ConflictError(
                f"{unreviewed} cells are not reviewed",
                "unfinished", unreviewed=unreviewed, unidentified=unidentified,
            )  # fmt: skip
        connection.execute(
            update(reading).where(reading.c.id == reading_id).values(submitted=now())
        )
        append_event(connection, found.chain, "submit", {}, Actor(person, found.smear, reading_id))
        return find_reading(connection, reading_id)


def reopen_reading(database: Database, reading_id: int, person: int, reason: str) -> OpenReading:
    """Let a submitted reading go on, before anything was built on it.

    Raises:
        NotFoundError: no such reading.
        ConflictError: it is open, signed, or compared already.
    """
    with database.writing() as connection:
        found = find_reading(connection, reading_id)
        row = lock_smear(connection, found.smear)
        found = find_reading(connection, reading_id)
        if found.submitted is None:
            raise ConflictError("the reading is open", "open")
        if row.state == SIGNED:
            raise ConflictError("the smear is signed; amend it", "signed")
        roles = {one.role for one in readings_of(connection, found.smear)}
        if ADJUDICATION in roles and found.role in (FIRST, SECOND):
            raise ConflictError("an adjudication was begun with it", "adjudicated")
        connection.execute(update(reading).where(reading.c.id == reading_id).values(submitted=None))
        append_event(
            connection, found.chain, "reopen", {"reason": reason},
            Actor(person, found.smear, reading_id),
        )  # fmt: skip
        return find_reading(connection, reading_id)


def undecided(connection: Connection, found: OpenReading) -> tuple[int, int]:
    """Cells of a reading that nobody decided, and those that were looked at and cannot be told."""
    joined = cell.outerjoin(
        label, (label.c.cell_id == cell.c.id) & (label.c.reading_id == found.id)
    )
    asked = (
        select(label.c.state, func.count())
        .select_from(joined)
        .where(cells_in_scope(found))
        .group_by(label.c.state)
    )
    numbers: dict[str | None, int] = {state: count for state, count in connection.execute(asked)}
    return numbers.get(None, 0), numbers.get(UNIDENTIFIED, 0)


def lock_smear(connection: Connection, smear_id: int) -> "SmearLock":
    """A smear's state and chain; nobody else changes them until the transaction ends.

    Raises:
        NotFoundError: no such smear.
    """
    asked = select(smear.c.state, smear.c.chain_id).where(smear.c.id == smear_id)
    row = connection.execute(asked.with_for_update()).one_or_none()
    if row is None:
        raise NotFoundError(f"smear {smear_id}: no such smear")
    return SmearLock(row.state, row.chain_id)


class SmearLock:
    """State and chain of a smear that this transaction holds."""

    def __init__(self, state: str, chain_id: int) -> None:
        self.state, self.chain_id = state, chain_id


def set_state(connection: Connection, smear_id: int, state: str) -> None:
    """Give a smear another state."""
    connection.execute(
        update(smear).where(smear.c.id == smear_id).values(state=state, changed=now())
    )


def _require_state(state: str, role: str, there: dict[str, OpenReading], reader: int) -> None:
    if state in _NOT_COUNTED:
        raise ConflictError("the smear is not counted yet", "not-counted")
    if state in (SIGNED, AMENDED):
        raise ConflictError("the smear is signed; amend it", "signed")
    if role == SECOND and FIRST in there and there[FIRST].reader == reader:
        raise ConflictError("the first reader cannot be the second", "same-reader")
    if role == ADJUDICATION:
        waiting = [one for one in (FIRST, SECOND) if one not in there or not there[one].submitted]
        if waiting:
            raise ConflictError(f"the {waiting[0]} reading is not submitted", "not-submitted")


def _list_cells(
    connection: Connection, found: OpenReading, there: dict[str, OpenReading], share: float | None
) -> None:
    """Write down which cells a reading has, where it has not all."""
    if found.scope == "all":
        return
    if found.scope == "sample":
        asked = select(cell.c.id).where(cell.c.smear_id == found.smear, cell.c.added_in.is_(None))
        chosen = [
            one for (one,) in connection.execute(asked) if _drawn(found.id, one) < (share or 0)
        ]
    else:
        chosen = disagreements(connection, there[FIRST], there[SECOND])
    if chosen:
        connection.execute(
            insert(reading_cell), [{"reading_id": found.id, "cell_id": one} for one in chosen]
        )


def disagreements(connection: Connection, first: OpenReading, second: OpenReading) -> list[int]:
    """Cells that two readers decided differently, or that one of them added."""
    votes = []
    for one in (first, second):
        asked = select(label.c.cell_id, label.c.state).where(
            label.c.reading_id == one.id, label.c.state.is_not(None)
        )
        votes.append({cell_id: state for cell_id, state in connection.execute(asked)})
    both = set(votes[0]) & set(votes[1])
    return sorted(one for one in both if votes[0][one] != votes[1][one])


def _drawn(reading_id: int, cell_id: int) -> float:
    """A number in [0, 1) that belongs to a cell in a reading."""
    digest = hashlib.sha256(f"{reading_id} {cell_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
