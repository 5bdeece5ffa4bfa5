"""The count of a reading is what was decided; where nothing was, what the model answered."""

import polars as pl
import pytest

from marrowscope.review.database.connection import Database
from marrowscope.review.readings.reading_access import find_reading
from marrowscope.review.readings.reading_count import count_as_data, count_reading
from marrowscope.review.readings.reading_cycle import begin_reading
from marrowscope.review.sources.smear_record import add_smear
from support.review_smears import cells, event, new_person, new_smear, record, send


def counted(database: Database, reading: int) -> dict[str, object]:
    with database.reading() as connection:
        return count_as_data(count_reading(connection, find_reading(connection, reading)))


def numbers(data: dict[str, object]) -> dict[str, int]:
    return {one["code"]: one["count"] for one in data["classes"] if one["count"]}  # type: ignore[attr-defined]


@pytest.fixture
def reading(database: Database) -> int:
    """Two BLA, two NGS, two EBO by the model."""
    reader = new_person(database, "anna")
    return begin_reading(database, new_smear(database), "first", reader)[0].id


def test_answers_count_until_somebody_decides(database: Database, reading: int) -> None:
    data = counted(database, reading)
    assert numbers(data) == {"BLA": 2, "NGS": 2, "EBO": 2}
    assert (data["reviewed"], data["unreviewed"], data["countable"]) == (0, 6, 6)
    assert data["me"]["value"] == 2.0  # type: ignore[index]
    assert data["blasts"]["percent"] == 33.3  # type: ignore[index]
    # Wilson's interval of 2 in 6.
    assert (data["blasts"]["low"], data["blasts"]["high"]) == (9.68, 70.0)  # type: ignore[index]


def test_decisions_take_their_place(database: Database, reading: int) -> None:
    send(database, reading, 1, event("label", cells=[1], code="PMO"))
    send(database, reading, 1, event("remove", cells=[2]), event("label", cells=[3], code="?"))
    send(database, reading, 1, event("label", cells=[4], code="ART"))
    data = counted(database, reading)
    assert numbers(data) == {"PMO": 1, "NGS": 1, "EBO": 1}
    assert data["countable"] == 3
    assert (data["removed"], data["unidentified"], data["excluded"]) == (1, 1, 1)
    assert (data["reviewed"], data["unreviewed"], data["not_classified"]) == (4, 2, 1)


def test_a_blinded_reading_knows_of_no_answers(database: Database) -> None:
    reader = new_person(database, "anna")
    reading, _ = begin_reading(database, new_smear(database), "first", reader, blinded=True)
    send(database, reading.id, reader, event("label", cells=[1], code="PMO"))
    data = counted(database, reading.id)
    assert numbers(data) == {"PMO": 1}
    assert (data["reviewed"], data["unreviewed"]) == (1, 5)


@pytest.mark.parametrize("role", ["not classified", "novel"])
def test_answers_of_which_the_count_took_no_notice_are_not_counted(
    database: Database, role: str
) -> None:
    roles = ["counted", role, "counted", "left out", "counted", "counted"]
    table = cells().with_columns(role=pl.Series(roles))
    smear, _ = add_smear(database, record(table), None)
    reading, _ = begin_reading(database, smear, "first", new_person(database, "anna"))
    data = counted(database, reading.id)
    assert numbers(data) == {"BLA": 1, "NGS": 1, "EBO": 2}
    assert (data["not_classified"], data["unreviewed"]) == (1, 5)


def test_nothing_counted_is_said_without_numbers_that_mean_nothing(database: Database) -> None:
    reader = new_person(database, "anna")
    reading, _ = begin_reading(database, new_smear(database), "first", reader, blinded=True)
    data = counted(database, reading.id)
    assert data["countable"] == 0
    assert data["me"]["value"] is None  # type: ignore[index]
    assert data["blasts"]["percent"] is None  # type: ignore[index]
