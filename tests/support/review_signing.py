"""Smears that were read, and signed."""

from marrowscope.review.database.connection import Database
from marrowscope.review.readings.reading_cycle import begin_reading, submit_reading
from support.review_smears import event, send


def read_by(
    database: Database, smear: int, role: str, reader: int, submit: bool = True, **labels: list[int]
) -> int:
    """A reading with labels by class; returns its id."""
    reading, _ = begin_reading(database, smear, role, reader)
    for code, cells in labels.items():
        send(database, reading.id, reader, event("label", cells=cells, code=code))
    if submit:
        submit_reading(database, reading.id, reader)
    return reading.id
