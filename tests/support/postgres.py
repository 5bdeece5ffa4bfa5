"""A PostgreSQL server of its own for the tests: started once in a process, thrown away after it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

_DEBIAN = Path("/usr/lib/postgresql")
_SETTINGS = (
    "listen_addresses=''", "fsync=off", "full_page_writes=off", "synchronous_commit=off",
    "shared_buffers=16MB", "max_connections=120",
)  # fmt: skip


def programs() -> Path | None:
    """Folder of initdb and pg_ctl: on the path, or where Debian puts them; None without any."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


@contextmanager
def server() -> Iterator[Callable[[], str]]:
    """Start a server on a socket in a temporary folder; yields what makes an empty database.

    PostgreSQL refuses to run as root: then it runs as the user that Debian made for it.
    """
    place = programs()
    assert place is not None
    folder = Path(tempfile.mkdtemp(prefix="marrowscope-postgres-"))
    as_user = _as_user(folder)

    def run(program: str, *words: str) -> None:
        done = subprocess.run(
            [*as_user, place / program, *words], cwd=folder, capture_output=True, text=True
        )
        log = folder / "log"
        told = log.read_text() if log.is_file() else ""
        assert done.returncode == 0, done.stdout + done.stderr + told

    data = str(folder / "data")
    try:
        run("initdb", "-D", data, "-U", "marrow", "--auth=trust", "--no-sync", "-E", "UTF8")
        settings = (*_SETTINGS, f"unix_socket_directories='{folder}'")
        with (folder / "data" / "postgresql.conf").open("a") as written:
            written.write("\n".join(settings) + "\n")
        run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "start")
        with psycopg.connect(f"host={folder} user=marrow dbname=postgres", autocommit=True) as own:

            def new_database() -> str:
                name = f"review_{uuid4().hex[:12]}"
                own.execute(f"CREATE DATABASE {name}".encode())
                return f"postgresql://marrow@/{name}?host={folder}"

            yield new_database
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_user(folder: Path) -> list[str]:
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["runuser", "-u", "postgres", "--"]
