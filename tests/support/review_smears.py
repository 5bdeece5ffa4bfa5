"""Small smears for reviews: cells with answers of a model, readers, and events."""

from itertools import count
from pathlib import Path

import numpy as np
import polars as pl
from sqlalchemy import insert

from marrowscope.cells import PROBABILITY
from marrowscope.io.image_encoding import encode_png
from marrowscope.review.database.connection import Database
from marrowscope.review.database.event_chain import now
from marrowscope.review.database.tables import person
from marrowscope.review.readings.event_request import EventRequest, parse_events
from marrowscope.review.readings.record_events import Recorded, record_events
from marrowscope.review.sources.smear_record import TABLE, SmearRecord, add_smear

CODES = ("BLA", "NGS", "EBO")
_numbers = count(1)


def cells(number: int = 6, folder: Path | None = None) -> pl.DataFrame:
    """Cells c0, c1, …, answered BLA, NGS, EBO in turn, the first surest; pictures on request."""
    shares = np.full((number, 3), 0.1)
    for row in range(number):
        shares[row, row % 3] = max(0.15, 0.8 - 0.004 * row)
    shares /= shares.sum(axis=1, keepdims=True)
    paths = [
        f"c{row}.png" if folder is None else str(folder / f"c{row}.png") for row in range(number)
    ]
    if folder is not None:
        for row, path in enumerate(paths):
            shade = np.full((250, 250, 3), (20 * row) % 256, np.uint8)
            Path(path).write_bytes(encode_png(shade))
    return pl.DataFrame({
        "cell_id": [f"c{row}" for row in range(number)],
        "path": paths,
        **{PROBABILITY + code: shares[:, place].astype(np.float32)
           for place, code in enumerate(CODES)},
        "predicted": [CODES[row % 3] for row in range(number)],
        "confidence": shares.max(axis=1).astype(np.float32),
    })  # fmt: skip


def record(table: pl.DataFrame | None = None, name: str = "smear") -> SmearRecord:
    """A smear of a cell table, unlike any other."""
    return SmearRecord(
        name, TABLE, (f"/{name}.parquet",), f"digest {next(_numbers)}",
        cells() if table is None else table, model=("a-model", "ab" * 32),
    )  # fmt: skip


def new_smear(database: Database, number: int = 6, folder: Path | None = None) -> int:
    """Id of a smear of so many cells."""
    return add_smear(database, record(cells(number, folder)), None)[0]


def new_person(database: Database, name: str, roles: str = "reader") -> int:
    """Id of a person."""
    with database.writing() as connection:
        made = connection.execute(
            insert(person)
            .values(name=name, display=name.title(), roles=roles, active=True, created=now())
            .returning(person.c.id)
        )
        return int(made.scalar_one())


def event(kind: str, **fields: object) -> dict[str, object]:
    """An event as a page sends it, with an id of its own."""
    return {"id": f"event-{next(_numbers):06d}", "kind": kind, **fields}


def send(
    database: Database,
    reading: int,
    reader: int,
    *events: dict[str, object],
    since: int | None = None,
) -> Recorded:
    """Record events as one batch."""
    requests: list[EventRequest] = parse_events(list(events))
    return record_events(database, reading, reader, requests, since)
