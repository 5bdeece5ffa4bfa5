"""Tables of every version become those of this one; what is not ours is left alone."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from marrowscope.errors import InputError
from marrowscope.review.database.connection import Database, open_database
from marrowscope.review.database.schema_upgrade import (
    open_existing,
    schema_version,
    upgrade_schema,
)
from marrowscope.review.database.tables import METADATA, WRITTEN_ONCE, signature
from marrowscope.review.readings.reading_cycle import begin_reading
from support.review_smears import new_person, new_smear


def test_the_scripts_make_the_tables_that_the_program_uses(database: Database) -> None:
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_second_upgrade_changes_nothing(database: Database) -> None:
    with database.reading() as connection:
        before = schema_version(connection)
    upgrade_schema(database)
    with database.reading() as connection:
        assert schema_version(connection) == before


@pytest.mark.parametrize("table", WRITTEN_ONCE)
@pytest.mark.parametrize("action", ["UPDATE {} SET id = id + 1000", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_what_is_written_once(
    database: Database, table: str, action: str
) -> None:
    reader, smear = new_person(database, "anna"), new_smear(database)
    reading, _ = begin_reading(database, smear, "first", reader)
    signed = {
        "smear_id": smear, "reading_id": reading.id, "person_id": reader, "time": "now",
        "version": 1, "meaning": "seen", "count": "{}", "labels_hash": "0", "software": "0",
        "number": 1, "chain_head": "0",
    }  # fmt: skip
    with database.writing() as connection:
        connection.execute(sa.insert(signature).values(signed))
    with pytest.raises(sa.exc.DBAPIError, match=f"rows of {table} are written once"):  # noqa: SIM117
        with database.writing() as connection:
            connection.execute(sa.text(action.format(table)))


def test_a_newer_database_is_refused_and_untouched(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InputError, match=r"made by a newer version of marrowscope \(9999\)"):
        upgrade_schema(database)
    with database.reading() as connection:
        assert schema_version(connection) == "9999"


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bills.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bills (amount REAL)")
    opened = open_database(path)
    with pytest.raises(InputError, match="holds other tables"):
        upgrade_schema(opened)
    opened.close()


def test_what_is_no_database_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "text.sqlite"
    path.write_text("no database" * 100)
    with pytest.raises(InputError, match=r"text\.sqlite: cannot be opened"):
        open_database(path)
    with pytest.raises(InputError, match=r"gone\.sqlite: no such file"):
        open_existing(tmp_path / "gone.sqlite")


def test_an_older_database_is_looked_at_only_after_it_was_brought_up(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    opened = open_database(path)
    upgrade_schema(opened)
    with opened.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    opened.close()
    with pytest.raises(InputError, match="another version"):
        open_existing(path)
