"""Events of a reader → one transaction: events at the end of the chain, labels that follow."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, insert, select

from marrowscope.differential.count_roles import BLASTS
from marrowscope.morphology import CODES
from marrowscope.review.database.event_chain import Actor, OpenChain
from marrowscope.review.database.label_rows import (
    NO_CELL,
    UNIDENTIFIED,
    UNTOUCHED,
    LabelRow,
    chunks,
    label_rows,
    write_label_rows,
)
from marrowscope.review.database.tables import cell, event
from marrowscope.review.database.tables import field as field_table
from marrowscope.review.readings.event_request import EventRequest
from marrowscope.review.readings.reading_access import OpenReading, cells_in_scope

SAVED, REPEATED, REFUSED = "saved", "repeated", "refused"


@dataclass
class EventResult:
    """What became of one event.

    Attributes:
        id: as it was sent.
        status: ``saved``, ``repeated`` (it was there already), or ``refused``.
        seq: its number in the chain of the smear.
        cells: their state after it.
        cell: id of an added cell.
        skipped: cells that were changed since, which undoing leaves as they are.
        reason: why it was refused.
    """

    id: str
    status: str
    seq: int | None = None
    cells: dict[int, str | None] = field(default_factory=dict)
    cell: int | None = None
    skipped: tuple[int, ...] = ()
    reason: str | None = None


class _RefusedError(Exception):
    """One event of a batch cannot be done; the others can."""


class EventBatch:
    """Takes events into a reading, one after the other, within one transaction."""

    def __init__(
        self, connection: Connection, reading: OpenReading, chain: OpenChain, person: int
    ) -> None:
        """Begin; nothing is read yet.

        Args:
            connection: in a transaction that writes.
            reading: that is open.
            chain: of its smear, held by this transaction.
            person: who acts.
        """
        self._connection, self._reading, self._chain = connection, reading, chain
        self._actor = Actor(person, reading.smear, reading.id)
        self._known: dict[int, LabelRow] = {}
        self._answers: dict[int, str | None] = {}
        self._changed: dict[int, tuple[LabelRow, int]] = {}
        self._written: dict[str, dict[str, Any]] = {}
        self._classes = {*CODES, *json.loads(reading.codes), UNIDENTIFIED}

    def take(self, requests: Sequence[EventRequest]) -> list[EventResult]:
        """Write the events and their labels; the result of each, in their order."""
        earlier = self._earlier(
            {one.id for one in requests} | {one.of for one in requests if one.of}
        )
        undone = [cells for content in earlier.values() for cells in _touched(content)]
        self._look_up([*(cell for one in requests for cell in one.cells), *undone])
        results = [self._one(request, earlier) for request in requests]
        write_label_rows(self._connection, self._reading.id, self._actor.person or 0, self._changed)
        return results

    def _one(self, request: EventRequest, earlier: dict[str, dict[str, Any]]) -> EventResult:
        before = self._written.get(request.id) or earlier.get(request.id)
        if before is not None:
            return self._again(request, before)
        try:
            return self._write(request, earlier)
        except _RefusedError as refused:
            return EventResult(request.id, REFUSED, reason=str(refused))

    def _again(self, request: EventRequest, before: dict[str, Any]) -> EventResult:
        if before["request"] != request.digest:
            return EventResult(request.id, REFUSED, reason="another event has this id")
        cells = {one: self._known[one].state for one in _touched(before)}
        return EventResult(
            request.id, REPEATED, before["number"], cells, before.get("added"),
        )  # fmt: skip

    def _write(self, request: EventRequest, earlier: dict[str, dict[str, Any]]) -> EventResult:
        content: dict[str, Any] = {"request": request.digest}
        if request.elapsed is not None:
            content["elapsed"] = request.elapsed
        result = EventResult(request.id, SAVED)
        if request.kind == "comment":
            content["comments"] = [
                [one, self._row(one).comment, request.text] for one in request.cells
            ]
        elif request.kind == "undo":
            asked = request.of or ""
            self._undo(self._written.get(asked) or earlier.get(asked), content, result)
            content["of"] = request.of
        elif request.kind == "add":
            result.cell = self._add(request)
            content |= {"added": result.cell, "changes": [[result.cell, None, request.code]]}
        else:
            content["changes"] = self._changes(request)
        number = self._chain.append(request.kind, content, self._actor, request.id)
        self._written[request.id] = {**content, "number": number}
        for one, _, new in content.get("changes", ()):
            self._set(one, self._known[one]._replace(state=new), number)
        for one, _, new in content.get("comments", ()):
            self._set(one, self._known[one]._replace(comment=new), number)
        result.seq = number
        result.cells = {one: self._known[one].state for one in _touched(content)}
        return result

    def _changes(self, request: EventRequest) -> list[list[Any]]:
        rows = {one: self._row(one).state for one in request.cells}
        if request.kind == "remove":
            new: dict[int, str | None] = dict.fromkeys(rows, NO_CELL)
        elif request.kind == "restore":
            others = [one for one, state in rows.items() if state != NO_CELL]
            if others:
                raise _RefusedError(f"cell {others[0]} is not removed")
            new = dict.fromkeys(rows, None)
        elif request.kind == "confirm":
            new = self._confirmed(request)
        else:
            self._require_class(request.code)
            new = dict.fromkeys(rows, request.code)
        return [[one, old, new[one]] for one, old in rows.items()]

    def _confirmed(self, request: EventRequest) -> dict[int, str | None]:
        if self._reading.blinded:
            raise _RefusedError("the answers of the model are withheld in this reading")
        answers = {one: self._answers.get(one) for one in request.cells}
        without = [one for one, code in answers.items() if code is None]
        if without:
            raise _RefusedError(f"cell {without[0]} has no answer of a model")
        if len(answers) > 1 and not request.force and set(answers.values()) & set(BLASTS):
            raise _RefusedError("blasts are confirmed one by one, or with `force`")
        return answers

    def _undo(
        self, of: dict[str, Any] | None, content: dict[str, Any], result: EventResult
    ) -> None:
        """Compensate an event where its cells are still as it left them."""
        if of is None:
            raise _RefusedError("there is no such event in this reading")
        skipped = []
        for name, column in (("changes", 0), ("comments", 1)):
            back = []
            for one, old, new in of.get(name, ()):
                if self._row(one)[column] == new:
                    if old is None and of.get("added") == one and name == "changes":
                        old = NO_CELL  # cells are never taken out of the table
                    back.append([one, new, old])
                else:
                    skipped.append(one)
            if back:
                content[name] = back
        if not _touched(content):
            raise _RefusedError("all its cells were changed since")
        result.skipped = tuple(skipped)

    def _add(self, request: EventRequest) -> int:
        self._require_class(request.code)
        path, pixel = None, None
        if request.place is not None or request.field is not None:
            path, pixel = self._picture(request)
        last = select(func.max(cell.c.by_place)).where(cell.c.smear_id == self._reading.smear)
        place = self._connection.execute(last).scalar()
        place = 0 if place is None else place + 1
        x, y = request.place or (None, None)
        x0, y0, x1, y1 = request.box or (None,) * 4
        row = {
            "smear_id": self._reading.smear, "field_id": request.field,
            "uid": f"added-{request.id}", "by_place": place, "by_class": place, "path": path,
            "x": x, "y": y, "x0": x0, "y0": y0, "x1": x1, "y1": y1, "in_field": path is not None,
            "microns_per_pixel": pixel, "added_in": self._reading.id,
        }  # fmt: skip
        made = int(
            self._connection.execute(insert(cell).values(row).returning(cell.c.id)).scalar_one()
        )
        self._known[made] = UNTOUCHED
        return made

    def _picture(self, request: EventRequest) -> tuple[str | None, float | None]:
        """In which picture a cell was added, and its pixel size: as of any other cell there."""
        if request.place is None:
            raise _RefusedError("a cell in a picture needs `x` and `y`")
        if request.field is not None:
            asked = select(field_table.c.path, field_table.c.width, field_table.c.height).where(
                field_table.c.id == request.field, field_table.c.smear_id == self._reading.smear
            )
            if self._connection.execute(asked).one_or_none() is None:
                raise _RefusedError("`field` is not of this smear")
        beside = select(cell.c.path, cell.c.microns_per_pixel).where(
            cell.c.smear_id == self._reading.smear, cell.c.in_field
        )
        if request.field is not None:
            beside = beside.where(cell.c.field_id == request.field)
        found = self._connection.execute(beside.limit(1)).one_or_none()
        if found is None:
            raise _RefusedError("there is no picture in which the cell could lie")
        return found.path, found.microns_per_pixel

    def _require_class(self, code: str | None) -> None:
        if code not in self._classes:
            raise _RefusedError(f"{code}: is no class of this smear")

    def _row(self, one: int) -> LabelRow:
        if one not in self._known:
            raise _RefusedError(f"cell {one} is not in this reading")
        return self._known[one]

    def _set(self, one: int, row: LabelRow, number: int) -> None:
        self._known[one] = row
        self._changed[one] = row, number

    def _look_up(self, cells: Iterable[int]) -> None:
        """Labels and answers of cells that are in the reading."""
        wanted = list(dict.fromkeys(cells))
        for part in chunks(wanted):
            asked = select(cell.c.id, cell.c.predicted).where(
                cells_in_scope(self._reading), cell.c.id.in_(part)
            )
            self._answers |= {one: code for one, code in self._connection.execute(asked)}
        self._known = dict.fromkeys(self._answers, UNTOUCHED)
        self._known |= label_rows(self._connection, self._reading.id, self._answers)

    def _earlier(self, ids: set[str]) -> dict[str, dict[str, Any]]:
        """Content of events of this reading that were written before, by the sender's id."""
        asked = select(event.c.client_id, event.c.content, event.c.number).where(
            event.c.reading_id == self._reading.id, event.c.client_id.in_(ids)
        )
        return {
            name: {**json.loads(content), "number": number}
            for name, content, number in self._connection.execute(asked)
        }


def _touched(content: dict[str, Any]) -> list[int]:
    """Cells that an event changed."""
    both = [*content.get("changes", ()), *content.get("comments", ())]
    return list(dict.fromkeys(one for one, _, _ in both))
