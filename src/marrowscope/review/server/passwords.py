"""Passwords are kept as argon2id hashes, and asked for again before signing."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select

from marrowscope.review.database.tables import person
from marrowscope.review.readings.event_request import FieldError
from marrowscope.review.refusals import ForbiddenError
from marrowscope.review.server.people import Person
from marrowscope.review.server.service import Service

SHORTEST, LONGEST = 10, 1_000  # letters
_HASHER = PasswordHasher()  # RFC 9106, second recommendation


def hash_password(password: str) -> str:
    """The form in which a password is kept.

    Raises:
        FieldError: it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise FieldError(f"`password` has fewer than {SHORTEST} or more than {LONGEST} letters")
    return _HASHER.hash(password)


def is_password(stored: str | None, password: str) -> bool:
    """Whether a password is the one that was hashed; takes as long where there is none."""
    try:
        return _HASHER.verify(stored or _nobody(), password[: LONGEST + 1]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    """Is checked where there is no such person, so that the time tells nothing."""
    return _HASHER.hash("nobody has this password")


def require_password(service: Service, who: Person, password: str) -> None:
    """Ask a person who is signed in for the password again.

    Raises:
        ForbiddenError: it is wrong.
        TooManyTriesError: it was wrong too often.
    """
    key = f"name {who.name}"
    service.tries.require(key)
    with service.database.reading() as connection:
        stored = connection.execute(
            select(person.c.password_hash).where(person.c.id == who.id)
        ).scalar_one_or_none()
    if not is_password(stored, password):
        service.tries.failed(key)
        raise ForbiddenError("the password is wrong", "wrong-password")
