"""What comes in from other tools is either labels or one line about what is wrong."""

import json

import polars as pl
import pytest

from marrowscope.errors import InputError
from marrowscope.review.database.connection import Database
from marrowscope.review.readings.reading_cycle import begin_reading
from marrowscope.review.refusals import ConflictError
from marrowscope.review.transfer.label_import import (
    IMPORTED,
    GivenLabel,
    match_labels,
    read_labels,
)
from marrowscope.review.transfer.record_import import record_import
from support.review_smears import new_person, new_smear


def test_a_table_is_read_by_its_label_or_its_correction() -> None:
    assert read_labels(b"cell_id,label\na,BLA\nb,\n", "cells.csv") == [GivenLabel("BLA", "a")]
    corrected = b"cell_id,label,corrected\na,BLA,PMO\n"
    assert read_labels(corrected, "cells.csv") == [GivenLabel("PMO", "a")]


@pytest.mark.parametrize("form", IMPORTED)
@pytest.mark.parametrize("data", [b"", b"\0\1\2", b"[1]", b'{"a": 1}', b"[" * 5_000, b"a,b\n1,2\n"])
def test_damage_is_one_line_without_places_of_this_machine(form: str, data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        read_labels(data, form)
    told = str(caught.value)
    assert "\n" not in told
    assert "/tmp" not in told


def test_a_skipped_annotation_is_none() -> None:
    def annotation(code: str, skipped: bool) -> dict[str, object]:
        choice = {"type": "choices", "value": {"choices": [code]}}
        return {"result": [choice], "was_cancelled": skipped}

    tasks = [
        {
            "data": {"cell_id": "a"},
            "annotations": [annotation("BLA", False), annotation("NGS", True)],
        },
        {"data": {"cell_id": "b"}, "annotations": []},
    ]  # fmt: skip
    data = json.dumps(tasks).encode()
    assert read_labels(data, "label-studio.json") == [GivenLabel("BLA", "a")]


def test_a_place_that_is_near_in_another_picture_is_no_match() -> None:
    cells = pl.DataFrame({
        "cell_id": ["a", "b"], "row": [1, 2], "path": ["/x/one.png", "/x/two.png"],
        "in_field": [True, True], "x": [10.0, 10.0], "y": [10.0, 10.0],
        "microns_per_pixel": [0.1, None],
    })  # fmt: skip
    given = [GivenLabel("BLA", None, "two.png", (12.0, 10.0))]
    assert match_labels(given, cells).labels == {2: "BLA"}


def test_what_is_imported_is_one_event_and_unknown_classes_are_refused(database: Database) -> None:
    reader, smear = new_person(database, "anna"), new_smear(database)
    reading, _ = begin_reading(database, smear, "first", reader)
    assert record_import(database, reading.id, reader, {1: "BLA", 2: "PMO"}, "cells.csv") == 2
    assert record_import(database, reading.id, reader, {1: "BLA", 99: "PMO"}, "cells.csv") == 0
    with pytest.raises(ConflictError, match="XYZ: is no class of this smear"):
        record_import(database, reading.id, reader, {1: "XYZ"}, "cells.csv")
