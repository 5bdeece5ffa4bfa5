"""Brings the tables of a database to the version of this program, script by script (Alembic)."""

import os
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError

from marrowscope.errors import InputError
from marrowscope.review.database.connection import Database, open_database

MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade_schema(database: Database) -> None:
    """Make the tables, or change those of an earlier version; nothing where they are up to date.

    All scripts run in one transaction: a database is of one version or of the other.

    Raises:
        InputError: the database is of a newer version, or holds tables of something else.
    """
    scripts = _scripts()
    with database.writing() as connection:
        _require_known(connection, database.name, scripts)
        context = EnvironmentContext(
            Config(),
            scripts,
            fn=lambda revision, _: scripts._upgrade_revs("head", revision),
        )
        context.configure(connection=connection, transaction_per_migration=False)
        context.run_migrations()


def open_existing(address: str | os.PathLike[str]) -> Database:
    """Open a database of reviews to look at it, also beside a server.

    Raises:
        InputError: it is not there, or is none of this version.
    """
    database = open_database(os.fspath(address), alone=False, existing=True)
    try:
        with database.reading() as connection:
            version, newest = schema_version(connection), _scripts().get_current_head()
    except DBAPIError:
        version, newest = None, ""
    if version == newest:
        return database
    database.close()
    if version is None:
        raise InputError(f"{database.name}: is not the database of a review")
    raise InputError(
        f"{database.name}: was made by another version of marrowscope ({version}); open it with "
        "'marrowscope review' of this one first"
    )


def schema_version(connection: Connection) -> str | None:
    """Name of the last script that ran on a database; None where it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


def _require_known(connection: Connection, name: str, scripts: ScriptDirectory) -> None:
    version = schema_version(connection)
    if version is None:
        others = set(inspect(connection).get_table_names()) - {"alembic_version"}
        if others:
            raise InputError(
                f"{name}: holds other tables ({min(others)}) and is not the database of a review"
            )
    elif version not in {script.revision for script in scripts.walk_revisions()}:
        raise InputError(
            f"{name}: was made by a newer version of marrowscope ({version}); update this one: "
            "pip install -U 'marrowscope[review]'"
        )
