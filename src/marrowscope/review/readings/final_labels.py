"""Readings of a smear → the label that each cell has in the end, and who gave it.

An amendment has a label of its own for every cell. Without one the label is that of the
adjudication where there is one, else that of the first reading; votes are never overwritten.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from marrowscope.review.database.label_rows import NO_CELL, UNIDENTIFIED
from marrowscope.review.database.tables import cell, label
from marrowscope.review.readings.reading_access import (
    ADJUDICATION,
    AMENDMENT,
    FIRST,
    SECOND,
    OpenReading,
    cells_in_scope,
    readings_of,
)
from marrowscope.review.readings.reading_cycle import disagreements
from marrowscope.review.refusals import ConflictError


@dataclass(frozen=True)
class FinalLabel:
    """What a cell is in the end.

    Attributes:
        state: class, ``?``, ``-`` or None.
        comment: of the reader.
        number: of the event.
        person: who gave it.
        role: of the reading.
    """

    state: str | None
    comment: str | None
    number: int
    person: int
    role: str


@dataclass(frozen=True)
class FinalReadings:
    """The readings of a smear by their part.

    Attributes:
        base: whose cells are all cells: the last amendment, or the first reading.
        over: adjudication that goes before it; None without one.
        second: that was compared with the first; None without one.
    """

    base: OpenReading
    over: OpenReading | None
    second: OpenReading | None


def final_readings(
    connection: Connection, smear: int, signed_in: int | None = None
) -> FinalReadings:
    """Which readings count.

    Args:
        connection: to the database.
        smear: id.
        signed_in: id of the reading that an earlier signature names; None: as it is now.

    Raises:
        ConflictError: there is no reading yet.
    """
    there = readings_of(connection, smear)
    amendments = [one for one in there if one.role == AMENDMENT]
    if signed_in is not None:
        amendments = [one for one in amendments if one.id == signed_in]
    if amendments:
        return FinalReadings(amendments[-1], None, None)
    by_role = {one.role: one for one in there}
    if FIRST not in by_role:
        raise ConflictError("nobody has read this smear yet", "no-reading")
    return FinalReadings(by_role[FIRST], by_role.get(ADJUDICATION), by_role.get(SECOND))


def final_labels(connection: Connection, chosen: FinalReadings) -> dict[int, FinalLabel]:
    """The label of every cell, by its id; cells that nobody decided have the state None."""
    shown = select(cell.c.id).where(cells_in_scope(chosen.base))
    nothing = FinalLabel(None, None, 0, chosen.base.reader, chosen.base.role)
    found = dict.fromkeys(connection.execute(shown).scalars(), nothing)
    for one in (chosen.base, chosen.over):
        if one is None:
            continue
        asked = select(label).where(label.c.reading_id == one.id)
        for row in connection.execute(asked):
            if row.state is not None or row.comment is not None:
                before = found.get(row.cell_id, nothing)
                state = before.state if row.state is None else row.state
                found[row.cell_id] = FinalLabel(
                    state, row.comment or before.comment, row.number, row.person_id, one.role
                )
    return found


def reasons_against_signing(connection: Connection, chosen: FinalReadings) -> list[str]:
    """Why a smear cannot be signed yet, one sentence each."""
    labels = final_labels(connection, chosen)
    unreviewed = sum(one.state is None for one in labels.values())
    unidentified = sum(one.state == UNIDENTIFIED for one in labels.values())
    reasons = []
    if not labels:
        reasons.append("there is no cell")
    if unreviewed:
        reasons.append(f"{_cells(unreviewed)} not reviewed")
    if unidentified:
        reasons.append(f"{_cells(unidentified)} not identified")
    if chosen.second is not None and chosen.second.submitted is None:
        reasons.append("the second reading is not submitted")
    elif chosen.second is not None and chosen.base.submitted is not None:
        different = disagreements(connection, chosen.base, chosen.second)
        if different and (chosen.over is None or chosen.over.submitted is None):
            reasons.append(f"{_cells(len(different))} seen differently and not adjudicated")
    if chosen.second is not None and chosen.base.submitted is None:
        reasons.append("the first reading is not submitted")
    return reasons


def counted_labels(labels: dict[int, FinalLabel]) -> dict[int, str]:
    """Class by cell, of the cells that are such and have one."""
    return {
        number: one.state
        for number, one in labels.items()
        if one.state is not None and one.state not in (NO_CELL, UNIDENTIFIED)
    }


def _cells(number: int) -> str:
    return "1 cell is" if number == 1 else f"{number} cells are"
