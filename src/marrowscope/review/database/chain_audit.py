"""Whether a database holds what was done: chains, labels that follow, signatures."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select

from marrowscope.review.database.connection import Database
from marrowscope.review.database.event_chain import GENESIS, canonical, event_hash
from marrowscope.review.database.label_rows import UNTOUCHED, LabelRow
from marrowscope.review.database.tables import chain, event, label, signature, smear
from marrowscope.review.database.tables import reading as reading_table

_AT_ONCE = 1_000
_MOST = 100  # problems that are listed


@dataclass(frozen=True)
class Audit:
    """What an examination of a database found.

    Attributes:
        chains, events, signatures: how many there are.
        head: hash over the heads of all chains. Who writes it down elsewhere can tell later whether
            whole chains were replaced.
        problems: one line each, at most 100.
    """

    chains: int
    events: int
    signatures: int
    head: str
    problems: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def audit(database: Database) -> Audit:
    """Compute every hash anew, replay every event, and compare with what is stored."""
    with database.reading() as connection:
        heads = connection.execute(select(chain).order_by(chain.c.id)).all()
        problems: list[str] = []
        events = 0
        digests: dict[tuple[int, int], str] = {}
        for row in heads:
            number, found = _walk(connection, row.id, row.length, row.head, digests)
            events += number
            problems += found
            if len(problems) >= _MOST:
                break
        signed = connection.execute(select(signature)).all()
        problems += [
            f"signature {one.id}: is not what was signed"
            for one in signed
            if digests.get((one.smear_id, one.number)) != _signed_as(dict(one._mapping))
        ]
    head = sha256("".join(row.head for row in heads).encode()).hexdigest()
    return Audit(len(heads), events, len(signed), head, tuple(problems[:_MOST]))


def _signed_as(row: Mapping[str, Any]) -> str:
    """What the event of signing has to say of a signature."""
    told = {
        "hash": row["chain_head"], "person": row["person_id"], "reading": row["reading_id"],
        "time": row["time"], "version": row["version"], "meaning": row["meaning"],
        "labels": row["labels_hash"], "count": sha256(row["count"].encode()).hexdigest(),
        "software": row["software"], "model": row["model_name"], "weights": row["model_hash"],
    }  # fmt: skip
    return canonical(told)


def _signing(row: Mapping[str, Any]) -> str:
    """The same of an event."""
    told = {
        "hash": row["hash"], "person": row["person_id"], "reading": row["reading_id"],
        "time": row["time"], **json.loads(row["content"]),
    }  # fmt: skip
    return canonical(told)


def _walk(
    connection: Connection,
    chain_id: int,
    length: int,
    head: str,
    digests: dict[tuple[int, int], str],
) -> tuple[int, list[str]]:
    """Number of events of a chain, and what is wrong with it."""
    previous, number = GENESIS, 0
    labels: dict[tuple[int, int], tuple[LabelRow, int]] = {}
    for row in _events(connection, chain_id):
        number += 1
        named = f"chain {chain_id}, event {row['number']}"
        if row["number"] != number:
            return number, [f"{named}: {row['number'] - number} events before it are missing"]
        if row["previous"] != previous:
            return number, [f"{named}: does not follow from the one before it"]
        if row["hash"] != event_hash(row):
            return number, [f"{named}: was changed after it was written"]
        previous = row["hash"]
        if row["kind"] == "sign":
            digests[row["smear_id"], number] = _signing(row)
        _replay(row["reading_id"], json.loads(row["content"]), number, labels)
    if (number, previous) != (length, head):
        return number, [f"chain {chain_id}: ends at event {number}, but {length} were written"]
    return number, _differing_labels(connection, chain_id, labels)


def _events(connection: Connection, chain_id: int) -> Iterator[dict[str, Any]]:
    last = 0
    while True:
        asked = (
            select(event)
            .where(event.c.chain_id == chain_id, event.c.number > last)
            .order_by(event.c.number)
            .limit(_AT_ONCE)
        )
        rows = connection.execute(asked).mappings().all()
        if not rows:
            return
        for row in rows:
            yield dict(row)
        last = rows[-1]["number"]


def _replay(
    reading: int | None,
    content: dict[str, Any],
    number: int,
    labels: dict[tuple[int, int], tuple[LabelRow, int]],
) -> None:
    if reading is None:
        return
    for cell, _, new in content.get("changes", ()):
        before, _ = labels.get((reading, cell), (UNTOUCHED, 0))
        labels[reading, cell] = before._replace(state=new), number
    for cell, _, new in content.get("comments", ()):
        before, _ = labels.get((reading, cell), (UNTOUCHED, 0))
        labels[reading, cell] = before._replace(comment=new), number


def _differing_labels(
    connection: Connection,
    chain_id: int,
    labels: dict[tuple[int, int], tuple[LabelRow, int]],
) -> list[str]:
    asked = (
        select(label)
        .join(reading_table, reading_table.c.id == label.c.reading_id)
        .join(smear, smear.c.id == reading_table.c.smear_id)
        .where(smear.c.chain_id == chain_id)
    )
    stored = {
        (row.reading_id, row.cell_id): (LabelRow(row.state, row.comment), row.number)
        for row in connection.execute(asked)
    }
    return [
        f"chain {chain_id}: the label of cell {cell} in reading {reading} is not as the events say"
        for reading, cell in sorted({*labels, *stored})
        if labels.get((reading, cell)) != stored.get((reading, cell))
    ]
