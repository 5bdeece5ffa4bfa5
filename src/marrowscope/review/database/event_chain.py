"""Events are written at the end of a chain; the hash of each covers all before it.

Who changes or removes an event later, with whatever tool, breaks the chain from there on
(Schneier & Kelsey 1999, Secure audit logs to support computer forensics).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, exists, insert, select, update

from marrowscope.review.database.tables import chain, event, smear

GENESIS = "0" * 64  # what the first event of a chain follows


@dataclass(frozen=True)
class Actor:
    """Who does something, and in what.

    Attributes:
        person: id; None: the program itself.
        smear, reading: ids, as far as there are.
    """

    person: int | None
    smear: int | None = None
    reading: int | None = None


@dataclass
class OpenChain:
    """A chain that nobody else writes to until the transaction ends.

    Attributes:
        id: of the chain.
        length: events so far.
        head: hash of the last one.
    """

    id: int
    length: int
    head: str
    _rows: list[dict[str, Any]] = field(default_factory=list)

    def append(
        self,
        kind: str,
        content: Mapping[str, Any],
        actor: Actor,
        client_id: str | None = None,
        time: str | None = None,
    ) -> int:
        """Add an event and return its number, from 1.

        Args:
            kind: a word.
            content: plain data for JSON.
            actor: who does it.
            client_id: by which the sender knows it.
            time: ISO 8601 in UTC; now by default.
        """
        row: dict[str, Any] = {
            "chain_id": self.id,
            "number": self.length + 1,
            "smear_id": actor.smear,
            "reading_id": actor.reading,
            "person_id": actor.person,
            "time": time or now(),
            "kind": kind,
            "client_id": client_id,
            "content": canonical(content),
            "previous": self.head,
        }
        row["hash"] = event_hash(row)
        self._rows.append(row)
        self.length, self.head = self.length + 1, row["hash"]
        return self.length


def now() -> str:
    """The time as it is written everywhere: ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def canonical(content: Mapping[str, Any]) -> str:
    """JSON of which there is one form only: sorted keys, no blanks."""
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def event_hash(row: Mapping[str, Any]) -> str:
    """SHA-256 over all columns of an event but its id and hash, the hash before it among them."""
    names = (
        "chain_id", "number", "smear_id", "reading_id", "person_id", "time", "kind", "client_id",
        "content", "previous",
    )  # fmt: skip
    return hashlib.sha256(canonical({name: row[name] for name in names}).encode()).hexdigest()


def new_chain(connection: Connection) -> int:
    """Begin an empty chain and return its id."""
    made = connection.execute(insert(chain).values(length=0, head=GENESIS).returning(chain.c.id))
    return int(made.scalar_one())


def system_chain(connection: Connection) -> int:
    """Id of the chain of what concerns no smear (people, sign-ins), made when there is none."""
    own = select(chain.c.id).where(~exists().where(smear.c.chain_id == chain.c.id))
    found = connection.execute(own.order_by(chain.c.id)).scalars().first()
    return new_chain(connection) if found is None else found


@contextmanager
def writing_chain(connection: Connection, chain_id: int) -> Iterator[OpenChain]:
    """Write to a chain; other writers of it wait until the transaction has ended.

    Args:
        connection: in a transaction that writes.
        chain_id: of the chain.
    """
    asked = select(chain.c.length, chain.c.head).where(chain.c.id == chain_id).with_for_update()
    length, head = connection.execute(asked).one()
    opened = OpenChain(chain_id, length, head)
    yield opened
    if opened._rows:
        connection.execute(insert(event), opened._rows)
        connection.execute(
            update(chain)
            .where(chain.c.id == chain_id)
            .values(length=opened.length, head=opened.head)
        )


def append_event(
    connection: Connection,
    chain_id: int,
    kind: str,
    content: Mapping[str, Any],
    actor: Actor,
) -> int:
    """Add one event to a chain and return its number."""
    with writing_chain(connection, chain_id) as opened:
        return opened.append(kind, content, actor)
