"""Labels of a file become one event of a reading."""

import json

from sqlalchemy import Connection, select

from marrowscope.morphology import CODES
from marrowscope.review.database.connection import Database
from marrowscope.review.database.event_chain import Actor, writing_chain
from marrowscope.review.database.label_rows import UNTOUCHED, label_rows, write_label_rows
from marrowscope.review.database.tables import cell
from marrowscope.review.readings.reading_access import (
    OpenReading,
    cells_in_scope,
    find_reading,
    require_open,
)
from marrowscope.review.refusals import ConflictError


def record_import(
    database: Database, reading: int, person: int, labels: dict[int, str], form: str
) -> int:
    """Give labels to cells of a reading; returns how many changed.

    Args:
        database: of the reviews.
        reading: id.
        person: who imports.
        labels: class by id of the cell.
        form: of the file.

    Raises:
        ConflictError: the reading is submitted, or a class is none of the smear.
    """
    with database.writing() as connection:
        chain_id = find_reading(connection, reading).chain
        with writing_chain(connection, chain_id) as chain:
            found = find_reading(connection, reading)
            require_open(found)
            _require_classes(found, labels)
            shown = _shown(connection, found)
            before = label_rows(connection, reading, labels)
            old = {number: before.get(number, UNTOUCHED) for number in labels}
            new = {
                number: code
                for number, code in sorted(labels.items())
                if number in shown and old[number].state != code
            }
            if not new:
                return 0
            changes = [[number, old[number].state, code] for number, code in new.items()]
            content = {"format": form, "changes": changes}
            at = chain.append("import", content, Actor(person, found.smear, reading))
            rows = {number: (old[number]._replace(state=code), at) for number, code in new.items()}
            write_label_rows(connection, reading, person, rows)
    return len(new)


def _shown(connection: Connection, found: OpenReading) -> set[int]:
    return set(connection.execute(select(cell.c.id).where(cells_in_scope(found))).scalars())


def _require_classes(found: OpenReading, labels: dict[int, str]) -> None:
    known = {*CODES, *json.loads(found.codes)}
    others = sorted(set(labels.values()) - known)
    if others:
        raise ConflictError(f"{others[0]}: is no class of this smear", "unknown-class")
