"""Smears with their state, for the worklist and for the page of one smear."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, func, or_, select

from marrowscope.differential.count_roles import CellRole
from marrowscope.review.database.tables import cell, field, label, person, reading, signature, smear
from marrowscope.review.readings.blinding import is_blinded
from marrowscope.review.readings.reading_access import OpenReading, readings_of
from marrowscope.review.readings.reading_count import count_as_data, count_reading
from marrowscope.review.readings.reading_cycle import undecided
from marrowscope.review.refusals import NotFoundError

Progress = Mapping[int, tuple[int, int | None, str]]


@dataclass(frozen=True)
class WorklistQuery:
    """Which smears are wanted.

    Attributes:
        state: of ``STATES``; None: any.
        text: in the name.
        reader: id of a person who has a reading of it, or to whom it is assigned.
        before: id; older ones than this come.
        limit: how many at most.
    """

    state: str | None = None
    text: str | None = None
    reader: int | None = None
    before: int | None = None
    limit: int = 200


def list_smears(
    connection: Connection, query: WorklistQuery, asker: int, progress: Progress
) -> tuple[list[dict[str, Any]], int | None]:
    """Smears, the newest first, as data for JSON; and from where to go on."""
    wanted: list[ColumnElement[bool]] = []
    if query.state is not None:
        wanted.append(smear.c.state == query.state)
    if query.text:
        wanted.append(smear.c.name.icontains(query.text, autoescape=True))
    if query.before is not None:
        wanted.append(smear.c.id < query.before)
    if query.reader is not None:
        has = exists().where(reading.c.smear_id == smear.c.id, reading.c.reader_id == query.reader)
        wanted.append(or_(has, smear.c.assigned_to == query.reader))
    asked = select(smear).where(*wanted).order_by(smear.c.id.desc()).limit(query.limit + 1)
    rows = list(connection.execute(asked))
    shown = rows[: query.limit]
    people = {row.id: row.display for row in connection.execute(select(person))}
    listed = [_summary(connection, row, asker, people, progress) for row in shown]
    return listed, shown[-1].id if len(rows) > query.limit else None


def smear_facts(
    connection: Connection, number: int, asker: int, progress: Progress
) -> dict[str, Any]:
    """One smear with all that its page shows.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(select(smear).where(smear.c.id == number)).one_or_none()
    if row is None:
        raise NotFoundError(f"smear {number}: no such smear")
    people = {one.id: one.display for one in connection.execute(select(person))}
    fields = select(func.count()).where(field.c.smear_id == number)
    return {
        **_summary(connection, row, asker, people, progress),
        "microns_per_pixel": row.microns_per_pixel,
        "sources": [os.path.basename(path) for path in json.loads(row.sources)],
        "model": row.model_name and {"name": row.model_name, "sha256": row.model_hash},
        "remarks": json.loads(row.remarks),
        "fields": connection.execute(fields).scalar_one(),
        "readings": [
            reading_data(connection, one, asker, people) for one in readings_of(connection, number)
        ],
        "signatures": signatures_of(connection, number, people),
    }


def reading_data(
    connection: Connection,
    found: OpenReading,
    asker: int,
    people: Mapping[int, str],
) -> dict[str, Any]:
    """A reading as data for JSON; of others, how far they are is withheld from blinded readers."""
    unreviewed, unidentified = undecided(connection, found)
    joined = select(func.count()).where(label.c.reading_id == found.id, label.c.state.is_not(None))
    decided = connection.execute(joined).scalar_one()
    own = found.reader == asker
    hidden = not own and is_blinded(connection, asker, found.smear)
    return {
        "id": found.id,
        "smear": found.smear,
        "role": found.role,
        "version": found.version,
        "reader": {"id": found.reader, "display": people.get(found.reader, "")},
        "blinded": found.blinded,
        "scope": found.scope,
        "started": found.started,
        "submitted": found.submitted,
        "cells": None if hidden else unreviewed + decided,
        "decided": None if hidden else decided,
        "unidentified": None if hidden else unidentified,
        "mine": own,
    }


def signatures_of(
    connection: Connection, number: int, people: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Signatures of a smear, the first version first."""
    asked = select(signature).where(signature.c.smear_id == number).order_by(signature.c.version)
    found: list[dict[str, Any]] = []
    for row in connection.execute(asked):
        found.append({
            "id": row.id,
            "smear": row.smear_id,
            "reading": row.reading_id,
            "user": row.person_id,
            "display": people.get(row.person_id, ""),
            "time": row.time,
            "meaning": row.meaning,
            "version": row.version,
            "amends": found[-1]["id"] if found else None,
            "reason": row.reason,
            "count": json.loads(row._mapping["count"]),
            "software": row.software,
            "model": row.model_name and {"name": row.model_name, "sha256": row.model_hash},
            "chain_head": row.chain_head,
        })  # fmt: skip
    return found


def _summary(
    connection: Connection,
    row: Row[Any],
    asker: int,
    people: Mapping[int, str],
    progress: Progress,
) -> dict[str, Any]:
    readings = readings_of(connection, row.id)
    shown = select(func.count()).where(
        cell.c.smear_id == row.id,
        cell.c.role.is_(None) | (cell.c.role != CellRole.LEFT_OUT.value),
        cell.c.added_in.is_(None),
    )
    done = progress.get(row.id)
    hidden = is_blinded(connection, asker, row.id)
    latest = _shown_reading(readings, asker, hidden)
    count = None if latest is None else count_as_data(count_reading(connection, latest))
    blasts = None if count is None or hidden else count["blasts"]
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "state": row.state,
        "failure": row.failure,
        "cells": connection.execute(shown).scalar_one(),
        "reviewed": count["reviewed"] if count else 0,
        "blasts": blasts and {name: blasts[name] for name in ("count", "percent", "low", "high")},
        "readers": [
            {
                "reading": one.id,
                "role": one.role,
                "user": one.reader,
                "display": people.get(one.reader, ""),
                "submitted": one.submitted is not None,
            }
            for one in readings
        ],
        "assigned": row.assigned_to,
        "created": row.created,
        "changed": row.changed,
        "progress": done and {"done": done[0], "total": done[1], "what": done[2]},
    }


def _shown_reading(readings: Sequence[OpenReading], asker: int, hidden: bool) -> OpenReading | None:
    """The reading whose count is shown: one's own; else, unless withheld, the last not blind."""
    own = [one for one in readings if one.reader == asker]
    if hidden or own:
        return own[-1] if own else None
    open_to_all = [one for one in readings if not one.blinded or one.submitted]
    return open_to_all[-1] if open_to_all else None
