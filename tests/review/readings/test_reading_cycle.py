"""A smear is read once, perhaps twice, and what two readers see differently a third time."""

import pytest

from marrowscope.review.database.connection import Database
from marrowscope.review.readings.event_request import FieldError
from marrowscope.review.readings.reading_cycle import (
    begin_reading,
    disagreements,
    reopen_reading,
    submit_reading,
)
from marrowscope.review.refusals import ConflictError, NotFoundError
from support.review_smears import event, new_person, new_smear, send


@pytest.fixture
def people(database: Database) -> tuple[int, int, int]:
    return tuple(new_person(database, name) for name in ("anna", "berta", "cora"))  # type: ignore[return-value]


def read_by(database: Database, smear: int, role: str, reader: int, **labels: list[int]) -> int:
    """A submitted reading with labels by class."""
    reading, _ = begin_reading(database, smear, role, reader)
    for code, cells in labels.items():
        send(database, reading.id, reader, event("label", cells=cells, code=code))
    submit_reading(database, reading.id, reader)
    return reading.id


def test_the_second_reading_is_blinded_and_by_somebody_else(
    database: Database, people: tuple[int, int, int]
) -> None:
    anna, berta, cora = people
    smear = new_smear(database)
    first, new = begin_reading(database, smear, "first", anna)
    assert (new, first.blinded, first.state) == (True, False, "in review")
    with pytest.raises(ConflictError, match="the first reader cannot be the second"):
        begin_reading(database, smear, "second", anna)
    second, _ = begin_reading(database, smear, "second", berta)
    assert (second.blinded, second.state) == (True, "second reading")
    assert begin_reading(database, smear, "second", berta) == (second, False)
    with pytest.raises(ConflictError, match="somebody else has the second reading"):
        begin_reading(database, smear, "second", cora)


def test_an_adjudicator_gets_what_was_seen_differently_when_both_are_done(
    database: Database, people: tuple[int, int, int]
) -> None:
    anna, berta, cora = people
    smear = new_smear(database)
    read_by(database, smear, "first", anna, BLA=[1, 2, 3], NGS=[4, 5, 6])
    with pytest.raises(ConflictError, match="the second reading is not submitted"):
        begin_reading(database, smear, "adjudication", cora)
    read_by(database, smear, "second", berta, BLA=[1, 2], NGS=[3, 4, 5], PMO=[6])
    third, _ = begin_reading(database, smear, "adjudication", cora)
    assert (third.scope, third.state) == ("disagreements", "adjudication")
    results = send(
        database, third.id, cora, event("label", cells=[3], code="PMO"),
        event("label", cells=[1], code="PMO"),
    ).results  # fmt: skip
    assert [one.status for one in results] == ["saved", "refused"]


def test_a_sample_for_the_second_reader_is_a_part_of_the_cells(
    database: Database, people: tuple[int, int, int]
) -> None:
    anna, berta, _ = people
    smear = new_smear(database, 200)
    begin_reading(database, smear, "first", anna)
    second, _ = begin_reading(database, smear, "second", berta, share=0.25)
    results = send(
        database, second.id, berta,
        *(event("label", cells=[cell], code="BLA") for cell in range(1, 201)),
    ).results  # fmt: skip
    shown = sum(one.status == "saved" for one in results)
    assert 30 < shown < 70


def test_a_submitted_reading_is_reopened_with_a_reason_until_it_was_compared(
    database: Database, people: tuple[int, int, int]
) -> None:
    anna, berta, cora = people
    smear = new_smear(database)
    first = read_by(database, smear, "first", anna, BLA=[1, 2, 3, 4, 5, 6])
    assert reopen_reading(database, first, anna, "wrong slide").submitted is None
    with pytest.raises(ConflictError, match="the reading is open"):
        reopen_reading(database, first, anna, "again")
    submit_reading(database, first, anna)
    read_by(database, smear, "second", berta, BLA=[1, 2, 3, 4, 5], PMO=[6])
    begin_reading(database, smear, "adjudication", cora)
    with pytest.raises(ConflictError, match="an adjudication was begun with it"):
        reopen_reading(database, first, anna, "again")


def test_disagreements_are_cells_that_both_decided_and_not_alike(
    database: Database, people: tuple[int, int, int]
) -> None:
    anna, berta, _ = people
    smear = new_smear(database)
    first, _ = begin_reading(database, smear, "first", anna)
    second, _ = begin_reading(database, smear, "second", berta)
    send(database, first.id, anna, event("label", cells=[1, 2, 3], code="BLA"))
    send(database, second.id, berta, event("label", cells=[2], code="BLA"),
         event("label", cells=[3, 4], code="?"))  # fmt: skip
    with database.reading() as connection:
        assert disagreements(connection, first, second) == [3]


def test_what_there_is_not_is_said(database: Database, people: tuple[int, int, int]) -> None:
    with pytest.raises(NotFoundError, match="smear 9: no such smear"):
        begin_reading(database, 9, "first", people[0])
    with pytest.raises(FieldError, match="`role` is none of"):
        begin_reading(database, new_smear(database), "third", people[0])
    with pytest.raises(FieldError, match="`share`"):
        begin_reading(database, new_smear(database), "second", people[0], share=2.0)
