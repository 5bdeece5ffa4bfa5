"""Signed-in browsers: a cookie that only its digest is kept of, and the token against forgery."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select, update
from starlette.responses import Response

from marrowscope.review.database.connection import Database
from marrowscope.review.database.event_chain import now
from marrowscope.review.database.tables import login_session
from marrowscope.review.server.people import Person, find_person
from marrowscope.review.server.service import Service

LASTS = timedelta(hours=12)  # without a request
_NOTED_EVERY = timedelta(minutes=5)


def begin_session(database: Database, person_id: int) -> str:
    """Sign a browser in; returns the value of its cookie."""
    cookie, time = secrets.token_urlsafe(32), now()
    with database.writing() as connection:
        connection.execute(delete(login_session).where(login_session.c.seen < _oldest()))
        connection.execute(
            insert(login_session).values(
                digest=_digest(cookie), person_id=person_id, csrf=secrets.token_urlsafe(24),
                created=time, seen=time,
            )
        )  # fmt: skip
    return cookie


def find_session(database: Database, cookie: str) -> tuple[Person, str] | None:
    """Who a cookie belongs to, and the token against forgery; None of an old or unknown one."""
    asked = select(login_session).where(login_session.c.digest == _digest(cookie))
    with database.reading() as connection:
        row = connection.execute(asked).one_or_none()
        person = None if row is None else find_person(connection, row.person_id)
    if row is None or person is None or not person.active or row.seen < _oldest():
        return None
    if row.seen < _text(datetime.now(UTC) - _NOTED_EVERY):
        with database.writing() as connection:
            connection.execute(
                update(login_session).where(login_session.c.digest == row.digest).values(seen=now())
            )
    return person, row.csrf


def end_session(database: Database, cookie: str) -> None:
    """Sign a browser out."""
    with database.writing() as connection:
        connection.execute(delete(login_session).where(login_session.c.digest == _digest(cookie)))


def end_sessions_of(database: Database, person_id: int) -> None:
    """Sign all browsers of a person out."""
    with database.writing() as connection:
        connection.execute(delete(login_session).where(login_session.c.person_id == person_id))


def set_cookie(response: Response, service: Service, cookie: str) -> None:
    """Give a browser its cookie: for this site only, and not for scripts."""
    response.set_cookie(
        service.cookie, cookie, path="/", secure=service.secure, httponly=True, samesite="lax"
    )


def same(given: str, expected: str) -> bool:
    """Whether two secrets are the same, in a time that tells nothing."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()


def _oldest() -> str:
    return _text(datetime.now(UTC) - LASTS)


def _text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")
