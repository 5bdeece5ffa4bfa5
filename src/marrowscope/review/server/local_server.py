"""One person on a laptop: sources go in, a page at 127.0.0.1 comes out, whose link has a token."""

import getpass
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from marrowscope.errors import InputError
from marrowscope.review.database.connection import open_database
from marrowscope.review.database.schema_upgrade import upgrade_schema
from marrowscope.review.pictures.sprite_sheets import SheetStore
from marrowscope.review.server.asgi_app import review_app
from marrowscope.review.server.counting_queue import Counter, CountingQueue
from marrowscope.review.server.people import ALL_ROLES, ensure_person
from marrowscope.review.server.service import Predictor, Service
from marrowscope.review.sources.smear_record import add_smear, announce_smear, find_smear
from marrowscope.review.sources.source_choice import Uncounted, choose_source

HOST = "127.0.0.1"
_HOSTS = frozenset((HOST, "localhost", "::1"))
_FIRST_PORT, _PORTS = 8765, 20
_SUFFIX = ".review.sqlite"


def database_beside(source: Path) -> Path:
    """Where the database of a source lies: beside it, under its name."""
    whole = source.absolute()
    stem = whole.name if whole.is_dir() else whole.stem
    return whole.with_name(f"{stem}{_SUFFIX}")


@contextmanager
def opened_review(
    sources: Sequence[Path],
    database: Path | None,
    reader: str | None,
    count: Counter,
    predict: Predictor | None = None,
) -> Iterator[Service]:
    """Open sources and their database; what is not counted yet is counted in the background.

    Args:
        sources: at least one.
        database: None: beside the first source.
        reader: name of the person; None: of the user of this machine.
        count: finds and classifies cells.
        predict: answers for the picture of one cell.

    Raises:
        InputError: a source or the database cannot be opened.
    """
    chosen = [one for source in sources for one in choose_source(source)]
    path = database_beside(sources[0]) if database is None else database
    opened = open_database(path)
    try:
        upgrade_schema(opened)
        with opened.writing() as connection:
            person = ensure_person(connection, reader or _user_name(), ALL_ROLES)
        for one in chosen:
            if isinstance(one, Uncounted):
                with opened.writing() as connection:
                    if find_smear(connection, one.content) is None:
                        announce_smear(
                            connection, one.name, one.kind, (str(one.path),), one.content, person.id
                        )
            else:
                add_smear(opened, one, person.id)
        pictures = path.with_name(f"{path.stem}-pictures")
        service = Service(
            opened, SheetStore(opened, pictures), person, hosts=_HOSTS, predict=predict
        )
        queue = CountingQueue(
            opened, count, path.with_name(f"{path.stem}-counts"), service.progress
        )
        service.enqueue = queue.add
        yield service
    finally:
        opened.close()


def serve_locally(service: Service, port: int | None, announce: Callable[[str], None]) -> None:
    """Serve until interrupted.

    Args:
        service: that is open.
        port: None: 8765, or the next one that is free.
        announce: told the link when it can be opened.

    Raises:
        InputError: the port is in use.
    """
    listening = _listen(port)
    number = listening.getsockname()[1]
    service.cookie = f"marrowscope_session_{number}"  # browsers share cookies between ports
    app = review_app(service)
    with listening:
        run_server(app, listening, lambda: announce(link(service, number)))


def link(service: Service, port: int) -> str:
    """What one opens in the browser."""
    return f"http://{HOST}:{port}/?token={service.token}"


def run_server(app: Starlette, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Answer on a socket until the process is interrupted.

    Args:
        app: of ``review_app``.
        listening: bound.
        ready: called when requests will be answered.
    """
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="off",
        timeout_graceful_shutdown=3, timeout_keep_alive=65,
    )  # fmt: skip
    server = uvicorn.Server(config)
    listening.listen(128)  # the browser may come before the server has begun: it waits
    ready()
    server.run(sockets=[listening])


def _listen(port: int | None) -> socket.socket:
    tried = range(_FIRST_PORT, _FIRST_PORT + _PORTS) if port is None else (port,)
    for number in (*tried, *([0] if port is None else [])):
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, number))
        except OSError:
            one.close()
            continue
        return one
    raise InputError(f"`port` {port}: is in use or not allowed; give another one, or none")


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this user id, as in containers
        return "reader"
