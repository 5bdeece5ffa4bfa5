"""Signing freezes a count; what follows is an amendment, and both stay."""

import json

import pytest
import sqlalchemy as sa

from marrowscope.review.database.chain_audit import audit
from marrowscope.review.database.connection import Database
from marrowscope.review.database.tables import signature
from marrowscope.review.readings.final_labels import final_labels, final_readings
from marrowscope.review.readings.reading_cycle import begin_reading
from marrowscope.review.refusals import ConflictError
from marrowscope.review.signing.sign_smear import amend_smear, sign_smear
from support.review_signing import read_by
from support.review_smears import event, new_person, new_smear, send

ALL = [1, 2, 3, 4, 5, 6]


@pytest.fixture
def anna(database: Database) -> int:
    return new_person(database, "anna", "reader signer")


@pytest.fixture
def berta(database: Database) -> int:
    return new_person(database, "berta", "reader signer")


def states(database: Database, smear: int) -> dict[int, str | None]:
    with database.reading() as connection:
        found = final_labels(connection, final_readings(connection, smear))
    return {number: one.state for number, one in found.items()}


def rows(database: Database) -> list[sa.RowMapping]:
    with database.reading() as connection:
        return list(connection.execute(sa.select(signature)).mappings())


def test_what_is_open_keeps_it_from_being_signed(database: Database, anna: int) -> None:
    smear = new_smear(database)
    with pytest.raises(ConflictError, match="nobody has read this smear yet"):
        sign_smear(database, smear, anna, "seen")
    read_by(database, smear, "first", anna, submit=False, BLA=[1, 2, 3], NGS=[4])
    send(database, 1, anna, event("label", cells=[5], code="?"))
    with pytest.raises(ConflictError, match="1 cell is not reviewed; 1 cell is not identified"):
        sign_smear(database, smear, anna, "seen")
    assert rows(database) == []


def test_the_signed_count_is_frozen_with_what_made_it(database: Database, anna: int) -> None:
    smear = new_smear(database)
    reading = read_by(database, smear, "first", anna, submit=False, BLA=[1, 2], NGS=[3, 4, 5])
    send(database, reading, anna, event("remove", cells=[6]))
    sign_smear(database, smear, anna, "reviewed and approved")
    (row,) = rows(database)
    count = json.loads(row["count"])
    numbers = {one["code"]: one["count"] for one in count["classes"] if one["count"]}
    assert numbers == {"BLA": 2, "NGS": 3}
    assert (count["countable"], count["removed"], count["unreviewed"]) == (5, 1, 0)
    assert (row["version"], row["model_name"], row["model_hash"]) == (1, "a-model", "ab" * 32)
    with pytest.raises(ConflictError, match="the smear is signed; amend it"):
        sign_smear(database, smear, anna, "again")
    with pytest.raises(ConflictError, match="the reading is submitted"):
        send(database, reading, anna, event("label", cells=[1], code="EBO"))
    found = audit(database)
    assert (found.whole, found.signatures) == (True, 1)


def test_an_amendment_keeps_the_old_version_and_its_reason(
    database: Database, anna: int, berta: int
) -> None:
    smear = new_smear(database)
    read_by(database, smear, "first", anna, BLA=ALL)
    sign_smear(database, smear, anna, "seen")
    amendment = amend_smear(database, smear, berta, "two cells were promyelocytes")
    assert states(database, smear) == dict.fromkeys(ALL, "BLA")
    send(database, amendment, berta, event("label", cells=[1, 2], code="PMO"))
    sign_smear(database, smear, berta, "seen again")
    first, second = rows(database)
    assert (second["version"], second["reason"]) == (2, "two cells were promyelocytes")
    assert json.loads(first["count"])["blasts"]["count"] == 6
    assert json.loads(second["count"])["blasts"]["count"] == 4
    assert first["labels_hash"] != second["labels_hash"]
    with database.reading() as connection:
        chosen = final_readings(connection, smear, first["reading_id"])
        old = {one.state for one in final_labels(connection, chosen).values()}
    assert old == {"BLA"}
    assert audit(database).whole
    with pytest.raises(ConflictError, match="the smear is not signed"):
        amend_smear(database, new_smear(database), anna, "none")


def test_four_eyes(database: Database, anna: int, berta: int) -> None:
    smear = new_smear(database)
    read_by(database, smear, "first", anna, BLA=ALL)
    with pytest.raises(ConflictError, match="somebody else than the only reader has to sign"):
        sign_smear(database, smear, anna, "seen", four_eyes=True)
    sign_smear(database, smear, berta, "seen", four_eyes=True)


def test_a_consensus_takes_the_place_of_no_vote(database: Database, anna: int, berta: int) -> None:
    cora = new_person(database, "cora", "signer")
    smear = new_smear(database)
    read_by(database, smear, "first", anna, BLA=[1, 2, 3], NGS=[4, 5, 6])
    second, _ = begin_reading(database, smear, "second", berta)
    with pytest.raises(ConflictError, match="the second reading is not submitted"):
        sign_smear(database, smear, cora, "seen")
    del second
    read_by(database, smear, "second", berta, BLA=[1, 2], PMO=[3], NGS=[4, 5, 6])
    with pytest.raises(ConflictError, match="1 cell is seen differently and not adjudicated"):
        sign_smear(database, smear, cora, "seen")
    read_by(database, smear, "adjudication", cora, PMO=[3])
    assert states(database, smear) == {1: "BLA", 2: "BLA", 3: "PMO", 4: "NGS", 5: "NGS", 6: "NGS"}
    sign_smear(database, smear, cora, "seen")
    with database.reading() as connection:
        votes = connection.execute(
            sa.text("SELECT reading_id, state FROM label WHERE cell_id = 3 ORDER BY reading_id")
        ).all()
    assert [tuple(row) for row in votes] == [(1, "BLA"), (2, "PMO"), (3, "PMO")]


def test_a_signature_that_was_tampered_with_is_found(database: Database, anna: int) -> None:
    smear = new_smear(database)
    read_by(database, smear, "first", anna, BLA=ALL)
    sign_smear(database, smear, anna, "seen")
    with database.writing() as connection:
        if database.is_sqlite:
            connection.execute(sa.text("DROP TRIGGER signature_no_update"))
        else:
            connection.execute(sa.text("ALTER TABLE signature DISABLE TRIGGER ALL"))
        connection.execute(sa.text("UPDATE signature SET person_id = NULL WHERE 1 = 0"))
        connection.execute(sa.text("UPDATE signature SET count = '{}'"))
    assert audit(database).problems == ("signature 1: is not what was signed",)
