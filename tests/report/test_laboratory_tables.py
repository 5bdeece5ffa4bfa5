"""Scores by laboratory in the files of a report."""

import polars as pl

from marrowscope.evaluation.evaluate_predictions import evaluate
from marrowscope.report.laboratory_tables import (
    class_by_laboratory_table,
    laboratory_table,
    laboratory_totals,
)
from support.predictions import predictions


def test_every_laboratory_and_every_class_of_it_is_a_row() -> None:
    table = predictions(90, codes=("BLA", "PMO", "LYT")).with_columns(
        pl.Series("laboratory", ["A", "B", None] * 30)
    )
    result = evaluate(table, resamples=20)
    whole, classes = laboratory_table(result), class_by_laboratory_table(result)
    assert whole.select("laboratory", "cells").rows() == [("A", 30), ("B", 30), (None, 30)]
    assert whole["strict_macro_f1"][0] == result.laboratories[0].strict["macro_f1"].value
    assert (whole["strict_accuracy_low"] <= whole["strict_accuracy"]).all()
    totals = laboratory_totals(result)
    assert [(name, one["cells"]) for name, one in totals.items()] == [
        ("A", 30),
        ("B", 30),
        ("", 30),
    ]
    assert totals["B"]["tolerant"]["accuracy"] == whole["tolerant_accuracy"][1]
    assert classes.height == 9
    assert classes.filter(laboratory="A")["cells"].sum() == 30
    entry = result.laboratories[1].classes[0]
    row = classes.row(3, named=True)
    assert (row["code"], row["tolerant_recall"]) == (entry.code, entry.tolerant["recall"].value)


def test_of_one_laboratory_there_is_no_row() -> None:
    result = evaluate(predictions(20, codes=("BLA", "PMO")), resamples=20)
    assert laboratory_table(result).height == class_by_laboratory_table(result).height == 0
