"""Sheets are made once, kept in a folder, and have another address when their cells change."""

from pathlib import Path

import pytest

from marrowscope.review.database.connection import Database
from marrowscope.review.pictures.sprite_sheets import BY_CLASS, BY_PLACE, SheetStore, sheets_of
from marrowscope.review.readings.reading_cycle import begin_reading
from marrowscope.review.refusals import NotFoundError
from support.review_smears import event, new_person, new_smear, send


def test_a_sheet_is_read_from_its_folder_by_the_next_server(
    database: Database, tmp_path: Path
) -> None:
    smear = new_smear(database, 6, tmp_path)
    with database.reading() as connection:
        (one,) = sheets_of(connection, smear, BY_CLASS)
    first = SheetStore(database, tmp_path / "kept").get(smear, BY_CLASS, 0, one.digest)
    for path in tmp_path.glob("c*.png"):
        path.unlink()
    again = SheetStore(database, tmp_path / "kept").get(smear, BY_CLASS, 0, one.digest)
    assert first == again
    assert first[1]


def test_a_sheet_with_a_picture_that_is_missing_is_not_kept(
    database: Database, tmp_path: Path
) -> None:
    smear = new_smear(database, 6, tmp_path)
    (tmp_path / "c3.png").rename(tmp_path / "away.png")
    store = SheetStore(database, tmp_path / "kept")
    with database.reading() as connection:
        (one,) = sheets_of(connection, smear, BY_PLACE)
    lacking, whole = store.get(smear, BY_PLACE, 0, one.digest)
    assert not whole
    (tmp_path / "away.png").rename(tmp_path / "c3.png")
    found, whole = store.get(smear, BY_PLACE, 0, one.digest)
    assert whole
    assert found != lacking


def test_an_added_cell_changes_the_address_of_the_last_sheet_alone(
    database: Database, tmp_path: Path
) -> None:
    smear = new_smear(database, 130, tmp_path)
    reader = new_person(database, "anna")
    reading, _ = begin_reading(database, smear, "first", reader)
    with database.reading() as connection:
        before = sheets_of(connection, smear, BY_PLACE)
    send(database, reading.id, reader, event("add", code="LYT"))
    with database.reading() as connection:
        after = sheets_of(connection, smear, BY_PLACE)
    assert before[0] == after[0]
    assert before[1] != after[1]
    with pytest.raises(NotFoundError, match="no such sheet"):
        SheetStore(database, None).get(smear, BY_PLACE, 1, before[1].digest)
