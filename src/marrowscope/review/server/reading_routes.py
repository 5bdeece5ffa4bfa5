"""Routes of readings: cells, events, the count that follows."""

from typing import Any

from sqlalchemy import Connection, select
from starlette.responses import Response

from marrowscope.review.database.label_rows import NO_CELL
from marrowscope.review.database.tables import chain, person
from marrowscope.review.readings.blinding import ReadingView, require_unblinded, view_reading
from marrowscope.review.readings.cell_columns import cell_columns
from marrowscope.review.readings.cell_facts import cell_facts
from marrowscope.review.readings.cell_order import cell_order
from marrowscope.review.readings.event_batch import EventResult
from marrowscope.review.readings.event_request import FieldError, parse_events
from marrowscope.review.readings.reading_access import ADJUDICATION, FIRST
from marrowscope.review.readings.reading_count import count_as_data, count_reading
from marrowscope.review.readings.reading_cycle import (
    begin_reading,
    reopen_reading,
    submit_reading,
)
from marrowscope.review.readings.record_events import changes_since, record_events
from marrowscope.review.readings.worklist import reading_data
from marrowscope.review.refusals import ForbiddenError
from marrowscope.review.server.endpoint import READERS, Endpoint
from marrowscope.review.server.http_call import Call, id_field, json_response, text_field
from marrowscope.review.server.people import READER, SIGNER

_MOST_CELLS = 20_000


def viewed(call: Call, connection: Connection) -> ReadingView:
    """The reading that the path names, as the visitor may see it."""
    return view_reading(connection, call.number("reading"), call.person.id, call.person.may(SIGNER))


def begin(call: Call) -> Response:
    """Begin a reading, or go on with one's own."""
    data = call.json()
    role, smear = text_field(data, "role", 20), call.number("smear")
    if not call.person.may(SIGNER if role == ADJUDICATION else READER):
        raise ForbiddenError("your roles do not allow this reading")
    reader = id_field(data, "reader") or call.person.id
    if reader != call.person.id and not call.person.may(SIGNER):
        raise ForbiddenError("you can begin a reading for yourself only")
    share = data.get("share")
    if share is not None and (isinstance(share, bool) or not isinstance(share, int | float)):
        raise FieldError("`share` is no number")
    if role in (FIRST, ADJUDICATION):
        with call.database.reading() as connection:
            require_unblinded(connection, call.person.id, smear)
    found, new = begin_reading(
        call.database, smear, role, reader, data.get("blinded") is True, share
    )
    return _reading_response(call, found.id, 201 if new else 200)


def one_reading(call: Call) -> Response:
    """One reading."""
    return _reading_response(call, call.number("reading"))


def submit(call: Call) -> Response:
    """End a reading."""
    _writable(call)
    found = submit_reading(call.database, call.number("reading"), call.person.id)
    return _reading_response(call, found.id)


def reopen(call: Call) -> Response:
    """Go on with a submitted reading."""
    reason = text_field(call.json(), "reason", 2_000)
    _writable(call)
    found = reopen_reading(call.database, call.number("reading"), call.person.id, reason)
    return _reading_response(call, found.id)


def cells(call: Call) -> Response:
    """Cells of a reading, column by column."""
    after = call.whole("after", 0, 0, 2**53) or 0
    limit = call.whole("limit", _MOST_CELLS, 1, _MOST_CELLS) or _MOST_CELLS
    with call.database.reading() as connection:
        view = viewed(call, connection)
        seq = _last_event(connection, view)
        data = cell_columns(connection, view, seq, after, limit)
    return json_response(data, call=call)


def cell(call: Call) -> Response:
    """All about one cell."""
    number = call.whole("reading", None, 1, 2**31 - 1)
    if number is None:
        raise FieldError("`reading` is missing")
    with call.database.reading() as connection:
        view = view_reading(connection, number, call.person.id, call.person.may(SIGNER))
        found = cell_facts(connection, view, call.number("cell"))
    return json_response(found)


def events(call: Call) -> Response:
    """Write what a reader did."""
    data = call.json()
    requests = parse_events(data.get("events"))
    since = data.get("since")
    if since is not None and (not isinstance(since, int) or isinstance(since, bool)):
        raise FieldError("`since` is no whole number")
    if since is not None and not 0 <= since < 2**31:
        raise FieldError("`since` is out of range")
    _writable(call)
    number = call.number("reading")
    done = record_events(call.database, number, call.person.id, requests, since)
    answer: dict[str, Any] = {
        "seq": done.seq,
        "results": [_result_data(one) for one in done.results],
        "others": [_change(one.cell, one.state, one.seq, one.person) for one in done.others],
    }
    if data.get("differential") is True:
        answer["differential"] = _differential(call)
    return json_response(answer, call=call)


def changes(call: Call) -> Response:
    """Labels that were given after an event."""
    since = call.whole("since", 0, 0, 2**31 - 1) or 0
    with call.database.reading() as connection:
        view = viewed(call, connection)
        found = changes_since(connection, view.reading.id, since)
        seq = _last_event(connection, view)
    listed = [_change(one.cell, one.state, one.seq, one.person) for one in found]
    return json_response({"seq": seq, "cells": listed}, call=call)


def differential(call: Call) -> Response:
    """The count of a reading."""
    return json_response(_differential(call))


def order(call: Call) -> Response:
    """Ids of all cells in an order."""
    by = call.query("by") or "random"
    with call.database.reading() as connection:
        found = cell_order(connection, viewed(call, connection), by)
    return json_response({"cells": found}, call=call)


def _differential(call: Call) -> dict[str, Any]:
    with call.database.reading() as connection:
        view = viewed(call, connection)
        seq = _last_event(connection, view)
        return {"seq": seq, **count_as_data(count_reading(connection, view.reading))}


def _writable(call: Call) -> None:
    with call.database.reading() as connection:
        if not viewed(call, connection).writable:
            raise ForbiddenError("this is the reading of somebody else", "not-yours")


def _reading_response(call: Call, number: int, status: int = 200) -> Response:
    with call.database.reading() as connection:
        view = view_reading(connection, number, call.person.id, call.person.may(SIGNER))
        people = {row.id: row.display for row in connection.execute(select(person))}
        found = reading_data(connection, view.reading, call.person.id, people)
    return json_response(found, status)


def _last_event(connection: Connection, view: ReadingView) -> int:
    asked = select(chain.c.length).where(chain.c.id == view.reading.chain)
    return int(connection.execute(asked).scalar_one())


def _change(cell_id: int, state: str | None, *more: int) -> list[Any]:
    """Cell, class, whether it was removed, and more."""
    removed = state == NO_CELL
    return [cell_id, None if removed else state, removed, *more]


def _result_data(one: EventResult) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": one.id,
        "status": one.status,
        "seq": one.seq,
        "cells": [_change(cell_id, state) for cell_id, state in one.cells.items()],
    }
    if one.cell is not None:
        data["cell"] = one.cell
    if one.skipped:
        data["skipped"] = list(one.skipped)
    if one.reason is not None:
        data["reason"] = one.reason
    return data


_READING = "/api/readings/{reading}"
ENDPOINTS = (
    Endpoint(
        "POST", "/api/smears/{smear}/readings", begin, READERS,
        "Begin a reading, or go on with one's own.", {},
        {"role": "first, second or adjudication", "blinded": "true: without the model's answers",
         "share": "of the cells, for a second reading", "reader": "id, for signers"},
    ),
    Endpoint("GET", _READING, one_reading, READERS, "One reading."),
    Endpoint("POST", f"{_READING}/submit", submit, READERS, "End a reading."),
    Endpoint(
        "POST", f"{_READING}/reopen", reopen, READERS, "Go on with a submitted reading.", {},
        {"reason": "why"},
    ),
    Endpoint(
        "GET", f"{_READING}/cells", cells, READERS, "Cells of a reading, column by column.",
        {"after": "id: larger ones than this", "limit": "how many, at most 20,000"},
    ),
    Endpoint(
        "GET", "/api/cells/{cell}", cell, READERS, "All about one cell.",
        {"reading": "id of the reading"},
    ),
    Endpoint(
        "POST", f"{_READING}/events", events, READERS,
        "Write what a reader did; committed when the answer comes.", {},
        {"events": "list of 1 to 500 events", "since": "last event that the page knows",
         "differential": "true: the count comes with the answer"},
    ),
    Endpoint(
        "GET", f"{_READING}/changes", changes, READERS, "Labels given after an event.",
        {"since": "number of the event"},
    ),
    Endpoint("GET", f"{_READING}/differential", differential, READERS, "The count of a reading."),
    Endpoint(
        "GET", f"{_READING}/order", order, READERS, "Ids of all cells in an order.",
        {"by": "random, uncertain, place or size"},
    ),
)  # fmt: skip
