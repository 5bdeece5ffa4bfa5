"""The label of every cell of a reading, as it follows from the events."""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from marrowscope.review.database.tables import label

_AT_ONCE = 10_000  # values in one statement; SQLite takes 32,766, PostgreSQL 65,535


class LabelRow(NamedTuple):
    """What is known of a cell in a reading.

    ``state`` is a class code, ``UNIDENTIFIED``, ``NO_CELL``, or None: not decided.
    """

    state: str | None
    comment: str | None


UNIDENTIFIED = "?"  # looked at, and cannot be told
NO_CELL = "-"  # located by mistake
UNTOUCHED = LabelRow(None, None)


def label_rows(connection: Connection, reading: int, cells: Iterable[int]) -> dict[int, LabelRow]:
    """Labels of some cells of a reading; cells that nobody touched are missing."""
    found: dict[int, LabelRow] = {}
    for part in chunks(cells):
        asked = select(label.c.cell_id, label.c.state, label.c.comment).where(
            label.c.reading_id == reading, label.c.cell_id.in_(part)
        )
        for cell, state, comment in connection.execute(asked):
            found[cell] = LabelRow(state, comment)
    return found


def write_label_rows(
    connection: Connection,
    reading: int,
    person: int,
    rows: dict[int, tuple[LabelRow, int]],
) -> None:
    """Put labels in the place of earlier ones.

    Args:
        connection: in the transaction of their events.
        reading: id.
        person: who decided.
        rows: by cell; with the number of the event.
    """
    if not rows:
        return
    statement = _upsert(connection.dialect.name)
    connection.execute(
        statement,
        [
            {
                "reading_id": reading, "cell_id": cell, "state": row.state, "comment": row.comment,
                "number": number, "person_id": person,
            }
            for cell, (row, number) in rows.items()
        ],
    )  # fmt: skip


@cache
def _upsert(dialect: str) -> Any:
    kind = sqlite if dialect == "sqlite" else postgresql
    added = kind.insert(label)
    return added.on_conflict_do_update(
        index_elements=["reading_id", "cell_id"],
        set_={name: added.excluded[name] for name in ("state", "comment", "number", "person_id")},
    )


def chunks(values: Iterable[int]) -> Iterator[list[int]]:
    """As many values as one statement can take, again and again."""
    source = iter(values)
    while part := list(islice(source, _AT_ONCE)):
        yield part
