"""An error becomes one line for the browser, whatever it was; the log has the rest."""

import logging

import pytest
from sqlalchemy.exc import OperationalError

from marrowscope.errors import InputError
from marrowscope.review.database.connection import Database
from marrowscope.review.refusals import ConflictError
from marrowscope.review.server import asgi_app
from marrowscope.review.server.endpoint import EVERYBODY, Endpoint
from marrowscope.review.server.http_call import Call
from support.review_client import Page, local_service


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (ConflictError("taken", "taken", by="berta"), 409,
         {"error": "taken", "code": "taken", "by": "berta"}),
        (InputError("file: is\nbroken"), 400, {"error": "file: is broken", "code": "bad-input"}),
        (OperationalError("SELECT", {}, Exception("disk is full")), 503,
         {"error": "the database cannot do this now: disk is full", "code": "database"}),
        (ZeroDivisionError("secret"), 500,
         {"error": "an error in the program; the server's log says which", "code": "internal"}),
    ],
)  # fmt: skip
def test_errors(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    error: Exception, status: int, told: dict[str, str],
) -> None:  # fmt: skip
    def fail(call: Call) -> None:
        raise error

    broken = Endpoint("GET", "/api/broken", fail, EVERYBODY, "Fails.")  # type: ignore[arg-type]
    monkeypatch.setattr(asgi_app, "ENDPOINTS", (broken,))
    with caplog.at_level(logging.CRITICAL + 1):
        assert Page(local_service(database), signed_in=False).get("/api/broken", status) == told
