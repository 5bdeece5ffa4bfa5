"""Events of a reader go in; they are on the disk when the answer comes out."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from marrowscope.review.database.connection import Database
from marrowscope.review.database.event_chain import now, writing_chain
from marrowscope.review.database.tables import label, smear
from marrowscope.review.readings.event_batch import EventBatch, EventResult
from marrowscope.review.readings.event_request import EventRequest
from marrowscope.review.readings.reading_access import find_reading, require_open


@dataclass(frozen=True)
class OtherChange:
    """A label that somebody else gave in the same reading."""

    cell: int
    state: str | None
    seq: int
    person: int


@dataclass(frozen=True)
class Recorded:
    """What became of a batch.

    Attributes:
        seq: last event of the smear.
        results: one for each event, in their order.
        others: changes by other people since the sender looked last.
    """

    seq: int
    results: list[EventResult]
    others: list[OtherChange]


def record_events(
    database: Database,
    reading: int,
    person: int,
    requests: Sequence[EventRequest],
    since: int | None = None,
) -> Recorded:
    """Write a batch in one transaction: what is acknowledged is committed, nothing is half done.

    Args:
        database: of the review.
        reading: id.
        person: who acts, and may.
        requests: at least one.
        since: number of the last event that the sender knows; None: others are not asked for.

    Raises:
        NotFoundError: no such reading.
        ConflictError: it is submitted.
    """
    with database.writing() as connection:
        # The chain is locked first: what is read after it is what nobody else changes now.
        chain_id = find_reading(connection, reading).chain
        with writing_chain(connection, chain_id) as chain:
            found = find_reading(connection, reading)
            require_open(found)
            results = EventBatch(connection, found, chain, person).take(requests)
        others = [] if since is None else changes_since(connection, reading, since, person)
        connection.execute(update(smear).where(smear.c.id == found.smear).values(changed=now()))
        return Recorded(chain.length, results, others)


def changes_since(
    connection: Connection, reading: int, since: int, but_of: int | None = None
) -> list[OtherChange]:
    """Labels of a reading that were given after an event, in their order.

    Args:
        connection: to the database.
        reading: id.
        since: number of the event.
        but_of: a person whose own changes are left out.
    """
    asked = (
        select(label.c.cell_id, label.c.state, label.c.number, label.c.person_id)
        .where(label.c.reading_id == reading, label.c.number > since)
        .order_by(label.c.number, label.c.cell_id)
    )
    if but_of is not None:
        asked = asked.where(label.c.person_id != but_of)
    return [OtherChange(*row) for row in connection.execute(asked)]
