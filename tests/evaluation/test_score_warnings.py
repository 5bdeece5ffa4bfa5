"""What has to be said beside scores: where cells come from, few patients, missing classes."""

import numpy as np
import polars as pl

from marrowscope.evaluation.score_warnings import (
    cell_warnings,
    class_warnings,
    novelty_warnings,
    unit_warnings,
)


def said(table: pl.DataFrame, drawn: int = 0) -> str:
    return " ".join(cell_warnings(table, drawn))


def test_scores_on_cells_of_the_training_flatter() -> None:
    cells = pl.DataFrame({"patient_id": ["a", "b"], "label": ["LYT", "NGS"]})
    assert "The table has no split" in said(cells)
    assert "carry split 'train'" in said(cells.with_columns(split=pl.lit("train")))
    assert "flatter" not in said(cells.with_columns(split=pl.lit("test")))


def test_synthetic_and_repeated_cells_and_those_without_a_fold_are_counted() -> None:
    cells = pl.DataFrame({"cell_id": ["a", "a", "b"], "fold": [0, 1, None]})
    text = said(cells, drawn=1)
    assert "1 of 3 cells are synthetic" in text
    assert "1 rows repeat a cell" in text
    assert "1 cells have no fold" in text
    assert "synthetic" not in said(cells, drawn=3)  # all are: the report says so elsewhere


def test_intervals_need_ten_patients() -> None:
    assert unit_warnings("cell", 1) == []
    assert unit_warnings("patient_id", 10) == []
    assert "Only 9 different values of patient_id" in unit_warnings("patient_id", 9)[0]
    assert "the same slide_id" in unit_warnings("slide_id", 1)[0]


def test_absent_classes_and_those_never_predicted_are_named() -> None:
    matrix = np.array([[3, 0, 1], [2, 0, 0], [0, 0, 0]])
    absent, never, published = class_warnings(("LYT", "NGS", "EBO"), matrix, synthetic=False)
    assert absent.startswith("No cell of EBO")
    assert never.startswith("Never predicted: NGS")
    assert "21 classes" in published
    assert len(class_warnings(("LYT", "NGS", "EBO"), matrix, synthetic=True)) == 2


def test_cells_that_were_called_unlike_anything_known_are_said() -> None:
    rows = pl.DataFrame({"novel": [True, None, False, False]})
    (line,) = novelty_warnings(rows)
    assert line.startswith("1 of 4 scored cells (25.0 %) were called unlike anything")
    assert novelty_warnings(rows[1:]) == []
    assert novelty_warnings(pl.DataFrame({"novel": ["a column of someone else"]})) == []
