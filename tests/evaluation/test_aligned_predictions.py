"""Cells of several tables in one order, and tables that do not pair."""

import polars as pl
import pytest

from marrowscope.errors import InputError
from marrowscope.evaluation.aligned_predictions import align_predictions
from support.compared_predictions import predictions


def test_tables_in_any_order_become_arrays_of_one_order() -> None:
    one = pl.DataFrame(
        {
            "cell_id": ["c", "a", "b", "none"],
            "patient_id": ["q", "p", "p", "q"],
            "label": ["MON", "LYT", "LYT", None],
            "predicted": ["MON", "LYT", "EOS", "BLA"],  # the last is not judged, having no label
            "fold": [5, 3, 3, 5],
        }
    )
    two = one.sort("cell_id").with_columns(predicted=pl.lit("LYT"))
    found = align_predictions({"one": one, "two": two})
    assert found.codes == ("EOS", "MON", "LYT")  # in display order
    assert [found.codes[place] for place in found.truth] == ["LYT", "LYT", "MON"]
    answers = [[found.codes[place] for place in row] for row in found.answers]
    assert answers == [["LYT", "EOS", "MON"], ["LYT", "LYT", "LYT"]]
    assert found.fold is not None
    assert [found.folds[place] for place in found.fold] == ["3", "3", "5"]
    assert found.unit == "patient_id"
    assert found.groups is not None
    assert found.groups.tolist() == [0, 0, 1]


def test_one_fold_is_none() -> None:
    table = predictions(1, 0.8, 6, folds=1)
    found = align_predictions({"a": table, "b": table})
    assert (found.fold, found.folds, found.groups, found.unit) == (None, (), None, "cell")


BASE = predictions(1, 0.8, 40)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (BASE.head(39), "different cells .40 and 39, 39 in both."),
        (BASE.with_columns(fold=(pl.col("fold") + 1) % 5), "different folds"),
        (BASE.drop("fold"), "different folds"),
        (BASE.with_columns(label=pl.lit("LYT")), "different labels"),
        (pl.concat([BASE, BASE.head(1)]), "twice"),
        (BASE.drop("label"), "no column label"),
        (BASE.with_columns(label=pl.lit(None, pl.String)), "no cell has a label"),
        (
            BASE.with_columns(
                predicted=pl.when(pl.col("cell_id") == "cell 3").then(None).otherwise("predicted")
            ),
            "cell 3 has no prediction",
        ),
    ],
)
def test_predictions_that_do_not_pair_are_refused(other: pl.DataFrame, words: str) -> None:
    with pytest.raises(InputError, match=words):
        align_predictions({"a": BASE, "b": other})
