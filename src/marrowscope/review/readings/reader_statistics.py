"""A reader over time: cells a day, seconds a cell, agreement with the final label."""

import json
from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, select

from marrowscope.review.database.tables import event, reading
from marrowscope.review.readings.final_labels import final_labels, final_readings

_DECISIONS = ("label", "confirm", "remove", "add")


def reader_statistics(connection: Connection, person: int) -> list[dict[str, Any]]:
    """One row per day, the first day first, as data for JSON.

    ``agreement`` is the share of the day's decisions that are the final label of smears which a
    second reader, an adjudicator or an amendment looked at, too; null without any.
    """
    final: dict[int, dict[int, str | None]] = {}
    asked = (
        select(event.c.time, event.c.smear_id, event.c.content)
        .join(reading, reading.c.id == event.c.reading_id)
        .where(event.c.person_id == person, event.c.kind.in_(_DECISIONS))
        .order_by(event.c.id)
    )
    days: dict[str, dict[str, list[float]]] = defaultdict(lambda: {"seconds": [], "same": []})
    cells: dict[str, int] = defaultdict(int)
    for time, smear, stored in connection.execute(asked):
        content, day = json.loads(stored), time[:10]
        changes = content.get("changes", ())
        cells[day] += len(changes)
        if "elapsed" in content and changes:
            days[day]["seconds"].append(content["elapsed"] / len(changes))
        if smear not in final:
            final[smear] = _judged(connection, smear)
        for number, _, code in changes:
            if number in final[smear]:
                days[day]["same"].append(float(final[smear][number] == code))
    return [
        {
            "date": day,
            "cells": cells[day],
            "seconds_per_cell": _mean(days[day]["seconds"]),
            "agreement": _mean(days[day]["same"]),
        }
        for day in sorted(cells)
    ]


def _judged(connection: Connection, smear: int) -> dict[int, str | None]:
    """Final labels of a smear that more than one reading is of; nothing of others."""
    number = select(reading.c.id).where(
        reading.c.smear_id == smear, reading.c.submitted.is_not(None)
    )
    if len(connection.execute(number).all()) < 2:
        return {}
    labels = final_labels(connection, final_readings(connection, smear))
    return {one: label.state for one, label in labels.items() if label.state is not None}


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 3) if values else None
