"""A database of the first version comes up to this one, with all that lies in it."""

import sqlite3
from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from marrowscope.review.database.chain_audit import audit
from marrowscope.review.database.connection import open_database
from marrowscope.review.database.schema_upgrade import upgrade_schema
from marrowscope.review.database.tables import METADATA
from support.review_smears import event, send


def test_a_database_that_was_stored_with_the_first_schema_comes_up(tmp_path: Path) -> None:
    """Made as the first version made it; later versions have to read what lies in it."""
    stored = (Path(__file__).parent / "first_schema.sql").read_text()
    path = tmp_path / "first.sqlite"
    with sqlite3.connect(path) as old:
        old.executescript(stored)
    opened = open_database(path)
    upgrade_schema(opened)
    with opened.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert connection.execute(sa.text("SELECT count(*) FROM event")).scalar_one() == 5
    assert audit(opened).whole
    send(opened, 1, 1, event("label", cells=[6], code="BLA"))
    assert audit(opened).whole
    opened.close()
