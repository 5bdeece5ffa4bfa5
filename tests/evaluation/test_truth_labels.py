"""Labels from another table."""

import polars as pl
import pytest

from marrowscope.errors import InputError
from marrowscope.evaluation.truth_labels import add_labels

PREDICTIONS = pl.DataFrame(
    {"cell_id": ["c", "a", "b", "a"], "path": ["3", "1", "2", "1"], "predicted": list("WXYZ")}
)


def test_labels_go_to_the_rows_of_the_same_cell_in_their_order() -> None:
    truth = pl.DataFrame({"cell_id": ["a", "b"], "path": ["1", "2"], "label": ["A", "B"]})
    found = add_labels(PREDICTIONS, truth)
    assert found["label"].to_list() == [None, "A", "B", "A"]
    assert found["predicted"].to_list() == list("WXYZ")


def test_a_cell_that_stands_twice_in_the_truth_is_not_counted_twice() -> None:
    truth = pl.DataFrame({"cell_id": ["a", "a"], "path": ["1", "9"], "label": ["A", "A"]})
    assert add_labels(PREDICTIONS, truth).height == 4


def test_two_labels_of_one_cell_are_refused_by_name() -> None:
    truth = pl.DataFrame({"cell_id": ["a", "a"], "path": ["1", "9"], "label": ["A", "B"]})
    with pytest.raises(InputError, match="cell_id a has more than one label"):
        add_labels(PREDICTIONS, truth)


def test_cells_with_other_ids_are_found_by_path() -> None:
    truth = pl.DataFrame({"cell_id": ["x", "b"], "path": ["1", "7"], "label": ["A", "B"]})
    assert add_labels(PREDICTIONS, truth)["label"].to_list() == [None, "A", "B", "A"]


def test_ids_and_origin_come_along_but_replace_nothing() -> None:
    truth = pl.DataFrame(
        {
            "cell_id": ["a", "b", "c"], "path": ["1", "2", "3"], "label": ["A", "B", "C"],
            "annotator": ["synthetic"] * 3, "patient_id": ["p1", "p2", "p3"], "note": ["n"] * 3,
            "laboratory": ["Munich", "Bonn", "Bonn"],
        }
    )  # fmt: skip
    mine = PREDICTIONS.with_columns(pl.lit("mine").alias("patient_id"), pl.lit("Q").alias("label"))
    found = add_labels(mine, truth)
    assert found["laboratory"].to_list() == ["Bonn", "Munich", "Bonn", "Munich"]
    assert found["label"].to_list() == ["C", "A", "B", "A"]
    assert set(found["annotator"]) == {"synthetic"}
    assert set(found["patient_id"]) == {"mine"}
    assert "note" not in found.columns


def test_a_table_of_other_cells_is_refused() -> None:
    truth = pl.DataFrame({"cell_id": ["z"], "path": ["8"], "label": ["A"]})
    with pytest.raises(InputError, match="neither cell_id nor path"):
        add_labels(PREDICTIONS, truth)
