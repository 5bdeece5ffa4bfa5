"""Routes of the worklist and of one smear."""

from sqlalchemy import Connection, select
from starlette.responses import Response

from marrowscope.review.database.tables import person
from marrowscope.review.readings.event_request import FieldError
from marrowscope.review.readings.reading_cycle import STATES
from marrowscope.review.readings.worklist import WorklistQuery, list_smears, smear_facts
from marrowscope.review.refusals import ConflictError
from marrowscope.review.server.counting_queue import renew
from marrowscope.review.server.endpoint import ADMINS, SIGNED_IN, Endpoint
from marrowscope.review.server.http_call import Call, json_response

_MOST = 500


def people_by_id(connection: Connection) -> dict[int, str]:
    """Names of all people as they are shown."""
    return {row.id: row.display for row in connection.execute(select(person))}


def smears(call: Call) -> Response:
    """The worklist."""
    state = call.query("state") or None
    if state is not None and state not in STATES:
        raise FieldError(f"`state` is none of {', '.join(STATES)}")
    query = WorklistQuery(
        state,
        call.query("q"),
        call.whole("reader", None, 1, 2**31 - 1),
        call.whole("after", None, 1, 2**31 - 1),
        call.whole("limit", 200, 1, _MOST) or 200,
    )
    with call.database.reading() as connection:
        found, following = list_smears(connection, query, call.person.id, call.service.progress)
    return json_response({"smears": found, "next": following}, call=call)


def smear(call: Call) -> Response:
    """One smear with its readings and signatures."""
    with call.database.reading() as connection:
        found = smear_facts(connection, call.number("smear"), call.person.id, call.service.progress)
    return json_response(found, call=call)


def retry(call: Call) -> Response:
    """Count a smear again that failed."""
    number = call.number("smear")
    if call.service.enqueue is None:
        raise ConflictError("this server does not count", "no-counting")
    renew(call.database, number, call.person.id)
    call.service.enqueue(number)
    return smear(call)


ENDPOINTS = (
    Endpoint(
        "GET", "/api/smears", smears, SIGNED_IN, "The worklist, the newest first.",
        {"state": "one of the states", "q": "text in the name", "reader": "id of a reader",
         "after": "id: older ones than this", "limit": "how many, at most 500"},
    ),
    Endpoint("GET", "/api/smears/{smear}", smear, SIGNED_IN, "One smear with its readings."),
    Endpoint("POST", "/api/smears/{smear}/retry", retry, ADMINS, "Count a smear that failed."),
)  # fmt: skip
