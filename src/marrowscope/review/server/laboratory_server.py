"""Many people in a laboratory: one database, a folder of slides, people who sign in by name."""

import secrets
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, insert, select

from marrowscope.errors import InputError
from marrowscope.review.database.connection import Database, open_database
from marrowscope.review.database.event_chain import now
from marrowscope.review.database.schema_upgrade import upgrade_schema
from marrowscope.review.database.tables import person
from marrowscope.review.pictures.sprite_sheets import SheetStore
from marrowscope.review.server.asgi_app import review_app
from marrowscope.review.server.counting_queue import Counter, CountingQueue
from marrowscope.review.server.library_watch import LibraryWatch
from marrowscope.review.server.local_server import run_server
from marrowscope.review.server.passwords import hash_password
from marrowscope.review.server.people import ADMIN
from marrowscope.review.server.service import Predictor, Service

_OWN = ".marrowscope"  # folder in the library for pictures and reports


@dataclass(frozen=True)
class LaboratorySettings:
    """How a laboratory's server answers.

    Attributes:
        host: address that it listens at.
        port: at it.
        names: by which browsers may ask for it; without any, the address it listens at.
        https: whether browsers reach it by HTTPS, through a proxy; cookies are sent by no other way
            then.
        four_eyes: whether somebody else than the only reader has to sign.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    names: Sequence[str] = ()
    https: bool = False
    four_eyes: bool = False


@contextmanager
def opened_laboratory(
    address: str,
    library: Path,
    count: Counter,
    predict: Predictor | None,
    settings: LaboratorySettings,
    say: Callable[[str], None],
) -> Iterator[Service]:
    """Open the database and the library; slides in it are counted in the background.

    Args:
        address: URL of the database.
        library: folder of slides.
        count: finds and classifies cells.
        predict: answers for the picture of one cell.
        settings: of the server.
        say: is told the password of the first administrator.

    Raises:
        InputError: the database cannot be opened, or there is no such folder.
    """
    if not library.is_dir():
        raise InputError(f"`library` {library}: no such folder")
    opened = open_database(address)
    watch = None
    try:
        upgrade_schema(opened)
        _first_administrator(opened, say)
        own = library / _OWN
        names = settings.names or (settings.host, "localhost", "127.0.0.1")
        service = Service(
            opened, SheetStore(opened, own / "pictures"), hosts=frozenset(names),
            four_eyes=settings.four_eyes, secure=settings.https, library=library, predict=predict,
        )  # fmt: skip
        queue = CountingQueue(opened, count, own / "counts", service.progress)
        service.enqueue = queue.add
        watch = LibraryWatch(opened, library, queue.add)
        watch.start()
        yield service
    finally:
        if watch is not None:
            watch.stop()
        opened.close()


def serve_laboratory(
    service: Service, settings: LaboratorySettings, say: Callable[[str], None]
) -> None:
    """Serve until interrupted.

    Raises:
        InputError: the address is in use, or none of this machine.
    """
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listening = socket.create_server(
            found[0][4][:2], family=socket.AddressFamily(found[0][0]), backlog=128
        )
    except OSError as error:
        raise InputError(
            f"`port` {settings.port} at {settings.host}: cannot be listened at "
            f"({error.strerror or error}); give another `host` or `port`"
        ) from None
    with listening:
        run_server(
            review_app(service), listening, lambda: say(f"http://{settings.host}:{settings.port}/")
        )


def _first_administrator(database: Database, say: Callable[[str], None]) -> None:
    """Where nobody is known yet, make somebody who can make others known."""
    with database.reading() as connection:
        if connection.execute(select(func.count()).select_from(person)).scalar_one():
            return
    password = secrets.token_urlsafe(12)
    values = {
        "name": "admin", "display": "Administrator", "roles": ADMIN, "active": True,
        "password_hash": hash_password(password), "created": now(),
    }  # fmt: skip
    with database.writing() as connection:
        connection.execute(insert(person).values(values))
    say(f"first start: sign in as admin with the password {password}, and change it")
