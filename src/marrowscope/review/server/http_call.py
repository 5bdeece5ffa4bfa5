"""A request as a handler sees it: who asks, for what, with fields that are checked when read."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from marrowscope.io.json_data import JsonError, parse_json
from marrowscope.review.database.connection import Database
from marrowscope.review.readings.event_request import FieldError
from marrowscope.review.refusals import NotFoundError, RefusalError
from marrowscope.review.server.people import Person
from marrowscope.review.server.service import Service

_LARGEST_ID = 2**31 - 1
_WORTH_PACKING = 50_000  # bytes
FOREVER = "private, max-age=31536000, immutable"


@dataclass(frozen=True)
class Call:
    """One request.

    Attributes:
        service: what the server consists of.
        request: of Starlette; its body is read already.
        body: bytes.
        visitor: who asks; None: nobody that is known.
        csrf: token that belongs to the visitor's session; None: the request came with a token of
            its own, or nobody is signed in.
    """

    service: Service
    request: Request
    body: bytes
    visitor: Person | None
    csrf: str | None

    @property
    def database(self) -> Database:
        """Of the reviews."""
        return self.service.database

    @property
    def person(self) -> Person:
        """Who asks, on routes that are not for everybody."""
        if self.visitor is None:
            raise NotSignedInError("sign in first")
        return self.visitor

    def number(self, name: str) -> int:
        """An id in the path.

        Raises:
            NotFoundError: no row can have it.
        """
        value = int(self.request.path_params[name])
        if not 0 < value <= _LARGEST_ID:
            raise NotFoundError(f"{name} {value}: no such {name}")
        return value

    def query(self, name: str) -> str | None:
        """A text of the query.

        Raises:
            FieldError: it holds what no text holds.
        """
        value = self.request.query_params.get(name)
        if value is not None and ("\0" in value or len(value) > 1_000):
            raise FieldError(f"`{name}` is no text")
        return value

    def whole(self, name: str, default: int | None, low: int, high: int) -> int | None:
        """A whole number of the query.

        Raises:
            FieldError: it is none, or out of range.
        """
        value = self.query(name)
        if value is None or value == "":
            return default
        if not value.isascii() or not value.isdigit() or not low <= int(value[:19]) <= high:
            raise FieldError(f"`{name}` is no whole number from {low} to {high}")
        return int(value)

    def json(self) -> dict[str, Any]:
        """The body as an object.

        Raises:
            RefusalError: it is no JSON object.
        """
        kind = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise UnknownMediaError("send JSON, with Content-Type: application/json")
        try:
            data = parse_json(self.body)
        except JsonError as error:
            raise RefusalError(f"the body is no JSON ({error})") from None
        if not isinstance(data, dict):
            raise RefusalError("the body is no JSON object")
        return data


class NotSignedInError(RefusalError):
    """Nobody that is known asks."""

    status, code = 401, "not-signed-in"


class UnknownMediaError(RefusalError):
    """The body is of another kind than expected."""

    status, code = 415, "wrong-media-type"


class TooLargeError(RefusalError):
    """The body is larger than allowed."""

    status, code = 413, "too-large"


def text_field(data: Mapping[str, Any], name: str, longest: int, empty: bool = False) -> str:
    """A text of a JSON object, without blanks around it.

    Raises:
        FieldError: it is missing, no text, too long, or holds control characters.
    """
    value = data.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise FieldError(f"`{name}` is no text of at most {longest} letters")
    value = value.strip()
    if not value and not empty:
        raise FieldError(f"`{name}` is empty")
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in value):
        raise FieldError(f"`{name}` holds control characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise FieldError(f"`{name}` is no text") from None
    return value


def id_field(data: Mapping[str, Any], name: str) -> int | None:
    """An id of a JSON object, or null.

    Raises:
        FieldError: it is something else.
    """
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LARGEST_ID:
        raise FieldError(f"`{name}` is no id")
    return value


def json_response(
    data: Any, status: int = 200, call: Call | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON that nobody keeps; large answers are packed where the browser takes that."""
    body = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
        "utf-8", "replace"
    )
    own = {"Cache-Control": "no-store", **(headers or {})}
    accepted = call.request.headers.get("accept-encoding", "") if call is not None else ""
    if len(body) > _WORTH_PACKING and "gzip" in accepted:
        body = gzip.compress(body, 1)
        own |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(body, status, own, "application/json")


def refused(error: RefusalError) -> Response:
    """The answer to what cannot be done."""
    wait = error.details.get("retry_after")
    return json_response(
        {"error": " ".join(str(error).split()), "code": error.code, **error.details},
        error.status,
        headers={} if wait is None else {"Retry-After": str(wait)},
    )
