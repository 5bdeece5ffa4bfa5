"""Routes by which smears and pictures come in: slides for the library, counters, single cells."""

import os
import re
import tempfile
from pathlib import Path

from starlette.responses import Response

from marrowscope.errors import InputError
from marrowscope.io.image_decoding import decode
from marrowscope.review.readings.event_request import FieldError
from marrowscope.review.readings.reading_cycle import COUNTED
from marrowscope.review.refusals import ConflictError, ForbiddenError
from marrowscope.review.server.endpoint import KEEPERS, READERS, SIGNED_IN, Endpoint
from marrowscope.review.server.http_call import Call, json_response, text_field
from marrowscope.review.server.people import ADMIN, READER
from marrowscope.review.sources.smear_record import MANUAL, announce_smear
from marrowscope.review.sources.source_choice import Uncounted, choose_source

LARGEST_UPLOAD = 500_000_000  # bytes of a slide; larger ones are put into the folder itself
LARGEST_IMAGE = 20_000_000  # bytes of the picture of one cell
_NAME = re.compile(r"[\w][\w .()+-]{0,120}\.[A-Za-z0-9]{1,8}")


def new_counter(call: Call) -> Response:
    """A smear without pictures, for counting at the microscope by keys."""
    data = call.json()
    if data.get("kind") != MANUAL:
        raise FieldError(f"`kind` is not {MANUAL}")
    name = text_field(data, "name", 200)
    with call.database.writing() as connection:
        number = announce_smear(connection, name, MANUAL, (), None, call.person.id, COUNTED)
    return json_response({"id": number, "name": name, "state": COUNTED}, 201)


def upload(call: Call) -> Response:
    """A slide or a table for the library; it is counted in the background."""
    service = call.service
    if service.library is None or service.enqueue is None:
        raise ConflictError("this server has no library", "no-library")
    if not call.person.may(READER, ADMIN):
        raise ForbiddenError("your roles do not allow this")
    name = call.query("name") or ""
    if not _NAME.fullmatch(name):
        raise FieldError("`name` is no plain file name with a suffix")
    folder = Path(tempfile.mkdtemp(prefix="upload-", dir=service.library))
    path = folder / name
    path.write_bytes(call.body)
    try:
        (one,) = choose_source(path)
        if not isinstance(one, Uncounted):
            raise InputError(f"{name}: is no slide and no field")
    except (InputError, ValueError) as error:
        path.unlink()
        folder.rmdir()
        told = str(error).replace(f"{folder}{os.sep}", "")
        raise InputError(told) from None
    with call.database.writing() as connection:
        number = announce_smear(
            connection, one.name, one.kind, (str(one.path),), one.content, call.person.id
        )
    service.enqueue(number)
    return json_response({"smear": number}, 201)


def predict(call: Call) -> Response:
    """What the model answers for the picture of one cell."""
    if call.service.predict is None:
        raise ConflictError("this server has no model", "no-model")
    found = call.service.predict(decode(call.body, "the picture"))
    return json_response(found)


ENDPOINTS = (
    Endpoint(
        "POST", "/api/smears", new_counter, READERS, "A counter without pictures.", {},
        {"kind": "manual", "name": "of the smear"},
    ),
    Endpoint(
        "POST", "/api/library", upload, READERS | KEEPERS, "A slide or a field for the library.",
        {"name": "file name"}, takes="application/octet-stream", limit=LARGEST_UPLOAD,
    ),
    Endpoint(
        "POST", "/api/predict", predict, SIGNED_IN, "What the model answers for one cell.",
        takes="image/png", limit=LARGEST_IMAGE,
    ),
)  # fmt: skip
