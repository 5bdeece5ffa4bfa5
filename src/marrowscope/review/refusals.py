"""Why a request is not done: one line for people, a short word for programs, a status of HTTP."""

from typing import Any

from marrowscope.errors import InputError


class RefusalError(InputError):
    """What cannot be done, with what a program needs to know of it.

    Attributes:
        status: of HTTP.
        code: a short word that does not change with the wording.
        details: more fields of the answer.
    """

    status = 400
    code = "bad-request"

    def __init__(self, line: str, code: str | None = None, **details: Any) -> None:
        super().__init__(line)
        self.code = code or type(self).code
        self.details = details


class NotFoundError(RefusalError):
    """What was named is not there, or not for this person."""

    status, code = 404, "not-found"


class ForbiddenError(RefusalError):
    """This person may not do it."""

    status, code = 403, "forbidden"


class ConflictError(RefusalError):
    """The smear or the reading is in a state in which it cannot be done."""

    status, code = 409, "conflict"
