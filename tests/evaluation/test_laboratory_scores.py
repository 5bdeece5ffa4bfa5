"""Scores by laboratory, worked out by hand."""

import polars as pl
import pytest

from marrowscope.evaluation.evaluate_predictions import evaluate

# Munich: recall BLA 1/2, PMO 1; precision BLA 1, PMO 2/3. Bonn: all PMO, one taken for a blast.
ANSWERS = [
    ("Munich", "BLA", "BLA"), ("Munich", "BLA", "PMO"),
    ("Munich", "PMO", "PMO"), ("Munich", "PMO", "PMO"),
    ("Bonn", "PMO", "PMO"), ("Bonn", "PMO", "BLA"), ("Bonn", "PMO", "PMO"), ("Bonn", "PMO", "PMO"),
]  # fmt: skip


def table(answers: list[tuple[str | None, str, str]]) -> pl.DataFrame:
    rows = pl.DataFrame(answers, schema=["laboratory", "label", "predicted"], orient="row")
    return rows.with_columns(pl.Series("cell_id", [f"c{row}" for row in range(rows.height)]))


def test_each_laboratory_is_scored_over_the_classes_that_it_has() -> None:
    bonn, munich = evaluate(table(ANSWERS), frozenset(), resamples=50).laboratories
    assert (munich.name, munich.cells) == ("Munich", 4)
    assert munich.strict["macro_f1"].value == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert munich.strict["accuracy"].value == 0.75
    # Bonn has no blast: the one that is seen there costs recall, and no mean.
    assert bonn.strict["macro_f1"].value == pytest.approx(2 * 0.75 / 1.75)
    assert [(one.code, one.cells, one.predicted) for one in bonn.classes] == [
        ("BLA", 0, 1), ("PMO", 4, 3)
    ]  # fmt: skip
    assert bonn.strict["accuracy"].low < 0.75 < bonn.strict["accuracy"].high
    assert all(one.published is None for one in bonn.classes)


def test_cells_of_all_laboratories_together_are_those_of_the_whole() -> None:
    whole = evaluate(table(ANSWERS), resamples=20)
    assert sum(one.cells for one in whole.laboratories) == whole.counts["evaluated"]
    right = sum(one.cells * one.strict["accuracy"].value for one in whole.laboratories)
    assert right / 8 == whole.strict["accuracy"].value


def test_tolerated_pairs_count_in_each() -> None:
    pair = frozenset({frozenset({"BLA", "PMO"})})
    for one in evaluate(table(ANSWERS), pair, resamples=20).laboratories:
        assert one.tolerant["accuracy"].value == 1


def test_one_laboratory_is_no_table_of_its_own() -> None:
    alone = table(ANSWERS).with_columns(pl.lit("Munich").alias("laboratory"))
    assert evaluate(alone, resamples=20).laboratories == ()
    assert evaluate(alone.drop("laboratory"), resamples=20).laboratories == ()


def test_cells_that_name_none_stand_last_without_a_name() -> None:
    found = evaluate(table([*ANSWERS, (None, "BLA", "BLA")]), resamples=20).laboratories
    assert [(one.name, one.cells) for one in found] == [("Bonn", 4), ("Munich", 4), ("", 1)]


def test_patients_are_drawn_as_wholes_in_each_laboratory() -> None:
    ids = pl.Series("patient_id", list("aabb") + list("cdef"))
    bonn, munich = evaluate(table(ANSWERS).with_columns(ids), resamples=200).laboratories
    # Munich's two patients have .5 and 1 of their cells right: nothing else can be drawn.
    assert (munich.strict["accuracy"].low, munich.strict["accuracy"].high) == (0.5, 1.0)
    assert bonn.strict["accuracy"].low < 0.75


def test_what_only_one_laboratory_has_is_said_beside_the_scores() -> None:
    said = evaluate(table(ANSWERS), resamples=20).warnings
    assert any("only one laboratory has: BLA (only Munich)" in line for line in said)
