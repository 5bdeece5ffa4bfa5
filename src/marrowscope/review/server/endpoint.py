"""A route of the interface: address, who may use it, what it takes and gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from marrowscope.review.server.http_call import Call
from marrowscope.review.server.people import ADMIN, READER, SIGNER, VIEWER
from marrowscope.review.server.service import LARGEST_BODY

EVERYBODY: frozenset[str] | None = None
SIGNED_IN = frozenset((VIEWER, READER, SIGNER, ADMIN))
READERS = frozenset((READER, SIGNER))
SIGNERS = frozenset((SIGNER,))
ADMINS = frozenset((ADMIN,))
KEEPERS = frozenset((SIGNER, ADMIN))


@dataclass(frozen=True)
class Endpoint:
    """One route.

    Attributes:
        method: of HTTP.
        path: with names of ids in braces.
        handler: does it.
        roles: one of which one needs; None: for everybody, also without being signed in.
        summary: in a line.
        query: names of the query, with what they mean.
        body: names of the fields of a JSON body, with what they mean; None: there is none, or it is
            a file.
        takes: media type of the body.
        gives: media type of the answer.
        limit: bytes of the body.
    """

    method: str
    path: str
    handler: Callable[[Call], Response]
    roles: frozenset[str] | None
    summary: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] | None = None
    takes: str = "application/json"
    gives: str = "application/json"
    limit: int = LARGEST_BODY

    @property
    def name(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"


Handler = Callable[[Call], Response]
Data = dict[str, Any]
