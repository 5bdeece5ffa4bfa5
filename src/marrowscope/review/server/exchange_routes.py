"""Routes of exports and imports."""

from sqlalchemy import select
from starlette.responses import Response

from marrowscope.review.database.event_chain import Actor, append_event
from marrowscope.review.database.tables import smear
from marrowscope.review.readings.blinding import require_unblinded, view_reading
from marrowscope.review.readings.event_request import FieldError
from marrowscope.review.readings.final_labels import (
    FinalReadings,
    final_labels,
    final_readings,
)
from marrowscope.review.refusals import ForbiddenError, NotFoundError
from marrowscope.review.server.endpoint import READERS, Endpoint
from marrowscope.review.server.http_call import Call, json_response
from marrowscope.review.server.people import SIGNER
from marrowscope.review.signing.reviewed_cells import reviewed_cells
from marrowscope.review.transfer.label_export import FORMS, export_labels
from marrowscope.review.transfer.label_import import IMPORTED, LARGEST, match_labels, read_labels
from marrowscope.review.transfer.record_import import record_import

_NAMED = 20  # labels without a cell that are named


def export(call: Call) -> Response:
    """The cells of a smear with their labels, as a file."""
    form, number = call.request.path_params["format"], call.number("smear")
    if form not in FORMS:
        raise NotFoundError(f"no such format; there are {', '.join(FORMS)}")
    asked = call.whole("reading", None, 1, 2**31 - 1)
    with call.database.reading() as connection:
        if asked is None:
            require_unblinded(connection, call.person.id, number)
            chosen = final_readings(connection, number)
        else:
            view = view_reading(connection, asked, call.person.id, call.person.may(SIGNER))
            if view.reading.smear != number:
                raise NotFoundError(f"reading {asked}: not of this smear")
            if view.withheld:
                raise ForbiddenError("withheld until the reading is submitted", "blinded")
            chosen = FinalReadings(view.reading, None, None)
        table = reviewed_cells(connection, number, final_labels(connection, chosen))
    data, media_type = export_labels(table, form)
    with call.database.writing() as connection:
        chain_id = connection.execute(
            select(smear.c.chain_id).where(smear.c.id == number)
        ).scalar_one()
        append_event(
            connection, chain_id, "export", {"format": form, "reading": asked},
            Actor(call.person.id, number),
        )  # fmt: skip
    headers = {
        "Content-Disposition": f'attachment; filename="{form}"',
        "Cache-Control": "no-store",
    }
    return Response(data, 200, headers, media_type)


def import_labels(call: Call) -> Response:
    """Labels of a file for the cells of a reading."""
    form, number = call.request.path_params["format"], call.number("smear")
    if form not in IMPORTED:
        raise NotFoundError(f"no such format; there are {', '.join(IMPORTED)}")
    asked = call.whole("reading", None, 1, 2**31 - 1)
    if asked is None:
        raise FieldError("`reading` is missing")
    with call.database.reading() as connection:
        view = view_reading(connection, asked, call.person.id, call.person.may(SIGNER))
        if view.reading.smear != number:
            raise NotFoundError(f"reading {asked}: not of this smear")
        if not view.writable:
            raise ForbiddenError("this is the reading of somebody else", "not-yours")
        labels = final_labels(connection, FinalReadings(view.reading, None, None))
        table = reviewed_cells(connection, number, labels)
    found = match_labels(read_labels(call.body, form), table)
    changed = record_import(call.database, asked, call.person.id, found.labels, form)
    return json_response({
        "matched": len(found.labels), "changed": changed,
        "unmatched": found.unmatched[:_NAMED], "unmatched_number": len(found.unmatched),
    })  # fmt: skip


ENDPOINTS = (
    Endpoint(
        "GET", "/api/smears/{smear}/export/{format}", export, READERS,
        f"Cells with their labels as a file: {', '.join(FORMS)}.",
        {"reading": "id; without it the final labels"}, gives="application/octet-stream",
    ),
    Endpoint(
        "POST", "/api/smears/{smear}/import/{format}", import_labels, READERS,
        f"Labels of a file for the cells of a reading: {', '.join(IMPORTED)}.",
        {"reading": "id"}, takes="application/octet-stream", limit=LARGEST,
    ),
)  # fmt: skip
