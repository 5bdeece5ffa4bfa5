"""What a reader does is written once, in order, together with the labels that follow from it."""

from threading import Thread

import pytest
import sqlalchemy as sa

from marrowscope.review.database.chain_audit import audit
from marrowscope.review.database.connection import Database
from marrowscope.review.database.label_rows import label_rows
from marrowscope.review.database.tables import event as event_table
from marrowscope.review.readings.event_batch import REFUSED, REPEATED, SAVED
from marrowscope.review.readings.reading_access import OpenReading
from marrowscope.review.readings.reading_cycle import begin_reading, submit_reading
from marrowscope.review.refusals import ConflictError, NotFoundError
from support.review_smears import event, new_person, new_smear, send


@pytest.fixture
def anna(database: Database) -> int:
    return new_person(database, "anna")


@pytest.fixture
def reading(database: Database, anna: int) -> OpenReading:
    """Of cells 1 to 6, answered BLA, NGS, EBO, BLA, NGS, EBO."""
    return begin_reading(database, new_smear(database), "first", anna)[0]


def states(database: Database, reading: OpenReading) -> dict[int, str | None]:
    with database.reading() as connection:
        found = label_rows(connection, reading.id, range(1, 100))
    return {cell: row.state for cell, row in sorted(found.items())}


def test_a_label_is_given_to_all_cells_of_an_event(
    database: Database, reading: OpenReading, anna: int
) -> None:
    done = send(database, reading.id, anna, event("label", cells=[1, 2, 5], code="MYB"))
    assert [one.status for one in done.results] == ["saved"]
    assert done.results[0].cells == {1: "MYB", 2: "MYB", 5: "MYB"}
    assert states(database, reading) == {1: "MYB", 2: "MYB", 5: "MYB"}


def test_the_same_event_sent_again_is_done_once(
    database: Database, reading: OpenReading, anna: int
) -> None:
    one, other = event("label", cells=[1], code="MYB"), event("label", cells=[1], code="EBO")
    first = send(database, reading.id, anna, one, other, one)
    again = send(database, reading.id, anna, other)
    assert [result.status for result in first.results] == [SAVED, SAVED, REPEATED]
    assert [result.status for result in again.results] == [REPEATED]
    assert again.results[0].seq == first.results[1].seq
    assert again.seq == first.seq
    assert states(database, reading) == {1: "EBO"}


def test_another_event_with_a_used_id_is_refused(
    database: Database, reading: OpenReading, anna: int
) -> None:
    one = event("label", cells=[1], code="MYB")
    send(database, reading.id, anna, one)
    (result,) = send(database, reading.id, anna, {**one, "code": "BLA"}).results
    assert (result.status, result.reason) == (REFUSED, "another event has this id")
    assert states(database, reading) == {1: "MYB"}


def test_undo_is_an_event_and_so_is_redo(
    database: Database, reading: OpenReading, anna: int
) -> None:
    first, second = (event("label", cells=[1], code=code) for code in ("MYB", "EBO"))
    send(database, reading.id, anna, first, second)
    undo = event("undo", of=second["id"])
    send(database, reading.id, anna, undo)
    assert states(database, reading) == {1: "MYB"}
    send(database, reading.id, anna, event("undo", of=first["id"]))
    assert states(database, reading) == {1: None}
    send(database, reading.id, anna, event("label", cells=[1], code="MYB"))
    send(database, reading.id, anna, event("undo", of=undo["id"]))
    assert states(database, reading) == {1: "EBO"}
    with database.reading() as connection:
        kinds = connection.execute(
            sa.select(event_table.c.kind).order_by(event_table.c.number)
        ).scalars()
        assert list(kinds)[3:] == ["label", "label", "undo", "undo", "label", "undo"]


def test_undo_leaves_what_was_changed_since(
    database: Database, reading: OpenReading, anna: int
) -> None:
    first = event("label", cells=[1, 2], code="MYB")
    send(database, reading.id, anna, first, event("label", cells=[2], code="EBO"))
    (result,) = send(database, reading.id, anna, event("undo", of=first["id"])).results
    assert (result.status, result.skipped) == ("saved", (2,))
    assert states(database, reading) == {1: None, 2: "EBO"}
    (result,) = send(database, reading.id, anna, event("undo", of=first["id"])).results
    assert (result.status, result.reason) == ("refused", "all its cells were changed since")


def test_confirming_takes_the_answer_of_the_model(
    database: Database, reading: OpenReading, anna: int
) -> None:
    send(database, reading.id, anna, event("confirm", cells=[2, 3, 5]))
    assert states(database, reading) == {2: "NGS", 3: "EBO", 5: "NGS"}


def test_blasts_are_not_confirmed_together_without_a_word(
    database: Database, reading: OpenReading, anna: int
) -> None:
    together = send(database, reading.id, anna, event("confirm", cells=[1, 2, 4])).results
    assert together[0].reason == "blasts are confirmed one by one, or with `force`"
    assert states(database, reading) == {}
    send(database, reading.id, anna, event("confirm", cells=[1]))
    send(database, reading.id, anna, event("confirm", cells=[2, 4], force=True))
    assert states(database, reading) == {1: "BLA", 2: "NGS", 4: "BLA"}


def test_a_reader_who_is_not_shown_answers_cannot_confirm_them(
    database: Database, anna: int
) -> None:
    blinded, _ = begin_reading(database, new_smear(database), "first", anna, blinded=True)
    (result,) = send(database, blinded.id, anna, event("confirm", cells=[1])).results
    assert result.reason == "the answers of the model are withheld in this reading"


def test_a_false_cell_is_removed_and_restored(
    database: Database, reading: OpenReading, anna: int
) -> None:
    send(database, reading.id, anna, event("remove", cells=[3]))
    assert states(database, reading) == {3: "-"}
    results = send(
        database, reading.id, anna, event("restore", cells=[3]), event("restore", cells=[4])
    ).results
    assert [one.status for one in results] == ["saved", "refused"]
    assert states(database, reading) == {3: None}


def test_a_missed_cell_is_added_and_taken_back(
    database: Database, reading: OpenReading, anna: int
) -> None:
    added = event("add", field=None, code="LYT")
    (result,) = send(database, reading.id, anna, added).results
    assert result.cell == 7
    assert states(database, reading) == {7: "LYT"}
    undo = event("undo", of=added["id"])
    send(database, reading.id, anna, undo)
    assert states(database, reading) == {7: "-"}
    send(database, reading.id, anna, event("undo", of=undo["id"]))
    assert states(database, reading) == {7: "LYT"}
    (again,) = send(database, reading.id, anna, added).results
    assert (again.status, again.cell) == ("repeated", 7)


def test_a_comment_changes_no_label(database: Database, reading: OpenReading, anna: int) -> None:
    label, comment = (
        event("label", cells=[1], code="MYB"),
        event("comment", cells=[1], text="two nuclei"),
    )
    send(database, reading.id, anna, label, comment)
    with database.reading() as connection:
        assert label_rows(connection, reading.id, [1])[1] == ("MYB", "two nuclei")
    send(database, reading.id, anna, event("undo", of=label["id"]))
    with database.reading() as connection:
        assert label_rows(connection, reading.id, [1])[1] == (None, "two nuclei")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (event("label", cells=[1], code="XYZ"), "XYZ: is no class of this smear"),
        (event("label", cells=[99], code="BLA"), "cell 99 is not in this reading"),
        (event("undo", of="event-none"), "there is no such event in this reading"),
        (event("add", field=5, x=1, y=1, code="BLA"), "`field` is not of this smear"),
        (event("add", x=1, y=1, code="BLA"), "there is no picture in which the cell could lie"),
    ],
)
def test_an_event_that_cannot_be_done_is_refused_and_the_others_are_saved(
    database: Database, reading: OpenReading, anna: int, given: dict[str, object], reason: str
) -> None:
    good = event("label", cells=[2], code="BLA")
    results = send(database, reading.id, anna, given, good).results
    assert [one.status for one in results] == ["refused", "saved"]
    assert results[0].reason == reason
    assert states(database, reading) == {2: "BLA"}


def test_cells_of_another_smear_are_out_of_reach(
    database: Database, reading: OpenReading, anna: int
) -> None:
    new_smear(database)
    (result,) = send(database, reading.id, anna, event("label", cells=[7], code="BLA")).results
    assert result.reason == "cell 7 is not in this reading"


def test_two_people_on_one_cell_are_both_in_the_trail_and_each_hears_of_the_other(
    database: Database, reading: OpenReading, anna: int
) -> None:
    berta = new_person(database, "berta")
    start = send(database, reading.id, anna, event("label", cells=[1], code="MYB")).seq
    later = send(database, reading.id, berta, event("label", cells=[1], code="EBO"), since=start)
    assert later.others == []
    heard = send(database, reading.id, anna, event("label", cells=[2], code="BLA"), since=start)
    assert [(one.cell, one.state, one.person) for one in heard.others] == [(1, "EBO", berta)]
    assert states(database, reading) == {1: "EBO", 2: "BLA"}
    assert audit(database).whole


def test_a_storm_of_readers_leaves_one_whole_chain(
    database: Database, reading: OpenReading, anna: int
) -> None:
    saved: list[int | None] = []

    def act(number: int) -> None:
        for turn in range(5):
            code = ("BLA", "NGS", "EBO")[turn % 3]
            chosen = [1 + (number + turn) % 6]
            results = send(
                database, reading.id, anna, event("label", cells=chosen, code=code)
            ).results
            saved.extend(one.seq for one in results if one.status == "saved")

    threads = [Thread(target=act, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(saved) == list(range(4, 44))  # after new, cells, begin
    assert audit(database).whole


def test_a_submitted_reading_is_closed(database: Database, reading: OpenReading, anna: int) -> None:
    with pytest.raises(ConflictError, match="6 cells are not reviewed"):
        submit_reading(database, reading.id, anna)
    send(database, reading.id, anna, event("confirm", cells=[1, 2, 3, 4, 5, 6], force=True))
    submit_reading(database, reading.id, anna)
    with pytest.raises(ConflictError, match="the reading is submitted"):
        send(database, reading.id, anna, event("label", cells=[1], code="BLA"))
    with pytest.raises(NotFoundError):
        send(database, 99, anna, event("label", cells=[1], code="BLA"))
