"""Who changes a database with other tools is found out."""

import pytest
import sqlalchemy as sa

from marrowscope.review.database.chain_audit import audit
from marrowscope.review.database.connection import Database
from marrowscope.review.readings.reading_cycle import begin_reading
from support.review_smears import event, new_person, new_smear, send


@pytest.fixture
def reviewed(database: Database) -> Database:
    """Seven events: a smear, its cells, a reading, and four decisions."""
    reader, smear = new_person(database, "anna"), new_smear(database)
    reading, _ = begin_reading(database, smear, "first", reader)
    label = event("label", cells=[1, 2], code="EBO")
    send(database, reading.id, reader, label, event("comment", cells=[1], text="vacuoles"))
    send(database, reading.id, reader, event("remove", cells=[3]), event("undo", of=label["id"]))
    return database


def change(database: Database, *statements: str) -> None:
    """What somebody with all rights on the database does."""
    with database.writing() as connection:
        if database.is_sqlite:
            connection.execute(sa.text("DROP TRIGGER event_no_update"))
            connection.execute(sa.text("DROP TRIGGER event_no_delete"))
        else:
            connection.execute(sa.text("ALTER TABLE event DISABLE TRIGGER ALL"))
        for one in statements:
            connection.execute(sa.text(one))


def test_what_was_done_is_whole(reviewed: Database) -> None:
    found = audit(reviewed)
    assert found.whole
    assert (found.chains, found.events, found.signatures) == (1, 7, 0)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE event SET content = replace(content, 'EBO', 'BLA') WHERE number = 4",
         "chain 1, event 4: was changed"),
        ("UPDATE event SET time = '2020-01-01T00:00:00.000+00:00' WHERE number = 5",
         "chain 1, event 5: was changed"),
        ("UPDATE event SET person_id = NULL WHERE number = 4", "chain 1, event 4: was changed"),
        ("DELETE FROM event WHERE number = 5", "chain 1, event 6: 1 events before it are missing"),
        ("DELETE FROM event WHERE number = 7", "chain 1: ends at event 6, but 7 were written"),
        ("DELETE FROM event", "chain 1: ends at event 0, but 7 were written"),
        ("UPDATE label SET state = 'BLA' WHERE cell_id = 3",
         "chain 1: the label of cell 3 in reading 1 is not as the events say"),
        ("DELETE FROM label WHERE cell_id = 1",
         "chain 1: the label of cell 1 in reading 1 is not as the events say"),
        ("INSERT INTO label VALUES (1, 6, 'BLA', NULL, 7, 1)",
         "chain 1: the label of cell 6 in reading 1 is not as the events say"),
    ],
)  # fmt: skip
def test_a_change_is_found(reviewed: Database, statement: str, told: str) -> None:
    change(reviewed, statement)
    found = audit(reviewed)
    assert not found.whole
    assert any(one.startswith(told) for one in found.problems), found.problems


def test_an_event_that_is_hashed_anew_breaks_what_follows(reviewed: Database) -> None:
    from marrowscope.review.database.event_chain import event_hash
    from marrowscope.review.database.tables import event as table

    with reviewed.reading() as connection:
        row = dict(connection.execute(sa.select(table).where(table.c.number == 4)).mappings().one())
    row["content"] = row["content"].replace("EBO", "BLA")
    change(
        reviewed,
        f"UPDATE event SET hash = '{event_hash(row)}', "
        "content = replace(content, 'EBO', 'BLA') WHERE number = 4",
    )
    assert audit(reviewed).problems == ("chain 1, event 5: does not follow from the one before it",)


def test_the_hash_of_all_tells_a_database_from_one_in_which_a_chain_was_replaced(
    reviewed: Database,
) -> None:
    before = audit(reviewed).head
    send(reviewed, 1, 1, event("label", cells=[4], code="BLA"))
    assert audit(reviewed).head != before
