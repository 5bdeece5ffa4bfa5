"""An address of a database comes in, an opened one comes out: SQLite or PostgreSQL.

Readers take snapshots and wait for nobody. Writers of one SQLite file go one after the other: they
queue for a lock of this process, and begin with BEGIN IMMEDIATE, for a transaction that reads first
and then writes fails at once when another one wrote in between.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from marrowscope.errors import InputError
from marrowscope.review.database.network_folder import network_file_system

_WAIT = 10_000  # ms until a locked SQLite file is given up
_CONNECTIONS = 40  # as many as Starlette has threads


@dataclass
class Database:
    """An opened database.

    Attributes:
        engine: of SQLAlchemy.
        name: for messages; without a password.
    """

    engine: Engine
    name: str
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _held: Any = None

    @property
    def is_sqlite(self) -> bool:
        """Whether it is one file."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads: one state of the database throughout."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, on the disk when this returns."""
        if not self.is_sqlite:
            with self.engine.begin() as connection:
                yield connection
            return
        with self._turn, self.engine.connect() as plain:
            connection = plain.execution_options(marrowscope_writes=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Let go of all connections, and of the file."""
        self.engine.dispose()
        if self._held is not None:
            self._held.close()
            self._held = None


def open_database(address: str | Path, alone: bool = True, existing: bool = False) -> Database:
    """Open a database, or make an SQLite file; its tables are not looked at.

    Args:
        address: path of an SQLite file, or a URL: ``postgresql://user@host/name``.
        alone: whether this process is to be the only server of an SQLite file.
        existing: whether a missing SQLite file is refused, not made.

    Raises:
        InputError: it cannot be opened, lies on a network file system, or is served already.
    """
    url = _parsed(address)
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        if existing and not path.is_file():
            raise InputError(f"{path}: no such file")
        return _open_sqlite(path, alone)
    named = url.render_as_string(hide_password=True)
    engine = create_engine(
        url,
        pool_size=10,
        max_overflow=_CONNECTIONS,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
    )
    try:
        with engine.connect():
            pass
    except DBAPIError as error:
        raise InputError(f"{named}: cannot be opened: {_first_line(error)}") from None
    return Database(engine, named)


def _parsed(address: str | Path) -> URL:
    text = os.fspath(address)
    if isinstance(address, Path) or "://" not in text:
        return URL.create("sqlite", database=os.path.abspath(text))
    try:
        url = make_url(text)
        if url.get_backend_name() == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError):
        raise InputError("`database` is no address; give postgresql://USER@HOST/NAME") from None
    if url.get_backend_name() not in ("postgresql", "sqlite"):
        raise InputError(
            f"`database` {url.get_backend_name()} is not supported; give postgresql://USER@HOST/NAME"
        )
    return url


def _open_sqlite(path: Path, alone: bool) -> Database:
    kind = network_file_system(path)
    if kind is not None:
        raise InputError(
            f"{path}: lies on a network file system ({kind}), on which SQLite can lose data; "
            "give `database` as a path on a local disk, or as postgresql://USER@HOST/NAME"
        )
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: no such folder; make it first")
    held = _hold(path) if alone else None
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        pool_size=_CONNECTIONS,
        max_overflow=_CONNECTIONS,
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA schema_version").fetchall()
    except DBAPIError as error:
        if held is not None:
            held.close()
        raise InputError(f"{path}: cannot be opened: {_first_line(error)}") from None
    return Database(engine, str(path), _held=held)


def _hold(path: Path) -> Any:
    """Keep others from serving the same file; the system lets go of it when this process ends."""
    place = path.with_name(path.name + "-lock")
    try:
        stream = place.open("a")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); give `database` in another folder"
        ) from None
    try:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:  # Windows: SQLite's own locks have to do
        pass
    except OSError:
        stream.close()
        raise InputError(
            f"{path}: is open in another server; use that one, or end it first"
        ) from None
    return stream


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    cursor = connection.cursor()
    for setting in (
        f"busy_timeout={_WAIT}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "trusted_schema=OFF",
    ):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("marrowscope_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _first_line(error: DBAPIError) -> str:
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error).__name__
