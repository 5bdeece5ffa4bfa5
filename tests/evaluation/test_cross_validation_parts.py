"""What each training of a cross-validation holds out."""

import polars as pl
import pytest

from marrowscope.errors import InputError
from marrowscope.evaluation.cross_validation_parts import assign_parts, run_names
from marrowscope.evaluation.fold_training import CrossValidationPlan
from marrowscope.training.recipe import load_recipe
from support.laboratories import cells_of

RECIPE = load_recipe("paper")
OUT = CrossValidationPlan("sequential", RECIPE, leave_out="laboratory")
BOTH = {"LYT": 4, "NGS": 4}


def test_folds_have_numbers_and_a_hold_out_has_none() -> None:
    table = cells_of({"M": BOTH})
    folds = assign_parts(table, CrossValidationPlan("sequential", RECIPE, 2))
    assert [(part.name, part.number) for part in folds.parts] == [("fold-0", 0), ("fold-1", 1)]
    (held_out,) = assign_parts(table, CrossValidationPlan("sequential", RECIPE, holdout=0.5)).parts
    assert (held_out.name, held_out.number, held_out.laboratory) == ("holdout", None, None)


def test_every_laboratory_is_a_part_and_its_shared_classes_are_judged() -> None:
    table = cells_of({"Munich": {**BOTH, "BLA": 3}, "Bonn": BOTH, "": {"LYT": 2}})
    found = assign_parts(table, OUT)
    assert [(part.name, part.laboratory) for part in found.parts] == [
        ("without-Bonn", "Bonn"), ("without-Munich", "Munich")
    ]  # fmt: skip
    assert set(found.judged.select("laboratory", "fold").rows()) == {("Bonn", 0), ("Munich", 1)}
    assert (
        found.judged["cell_id"].to_list()
        == (
            table.filter(pl.col("laboratory").is_not_null() & (pl.col("label") != "BLA"))["cell_id"]
        ).to_list()
    )
    assert found.warnings[-1] == "2 labelled cells name no laboratory and take no part."


def test_a_laboratory_that_cannot_be_judged_teaches_all_the_same() -> None:
    table = cells_of({"Munich": BOTH, "Bonn": BOTH, "Ulm": {"BLA": 3}})
    found = assign_parts(table, OUT)
    assert [part.laboratory for part in found.parts] == ["Bonn", "Munich"]
    assert "Laboratory Ulm is not judged: it shares no class with the others." in found.warnings


def test_where_no_laboratory_can_be_judged_the_reasons_are_one_line() -> None:
    table = cells_of({"Munich": {"LYT": 4}, "Bonn": {"LYT": 4}})
    with pytest.raises(InputError, match=r"Bonn is not judged: .* Laboratory Munich is not judged"):
        assign_parts(table, OUT)


def test_the_feature_model_needs_two_cells_of_every_class_to_learn_from() -> None:
    plan = CrossValidationPlan("features", RECIPE, leave_out="laboratory")
    table = cells_of({"Munich": {**BOTH, "BLA": 1}, "Bonn": BOTH})
    with pytest.raises(InputError, match="BLA would have 1 training image without laboratory Bonn"):
        assign_parts(table, plan)


def test_names_of_run_folders_are_plain_and_none_comes_twice() -> None:
    assert run_names(["Bonn", "a/b", "a b", "../..", "München", "bonn"]) == [
        "without-Bonn", "without-a_b", "without-a_b-2", "without-laboratory", "without-München",
        "without-bonn-2",
    ]  # fmt: skip
