"""One laboratory is held out, and judged by what the others can teach."""

import polars as pl
import pytest

from marrowscope.dataset.laboratory_split import leave_out_laboratory, require_laboratories
from marrowscope.errors import InputError
from support.laboratories import cells_of

TWO = {"Munich": {"BLA": 3, "LYT": 2, "NGS": 1}, "Bonn": {"LYT": 4, "NGS": 2, "BAS": 5}}


def counted(table: pl.DataFrame) -> set[tuple[str, str, str, int]]:
    return set(table.group_by("split", "laboratory", "label").len().rows())


def test_the_others_train_and_its_classes_that_they_have_are_judged() -> None:
    found = leave_out_laboratory(cells_of({**TWO, "": {"LYT": 9}}), "Bonn")
    assert counted(found.table) == {
        ("train", "Munich", "BLA", 3), ("train", "Munich", "LYT", 2), ("train", "Munich", "NGS", 1),
        ("test", "Bonn", "LYT", 4), ("test", "Bonn", "NGS", 2),
    }  # fmt: skip
    assert (found.not_judged, found.not_here, found.withheld) == ({"BAS": 5}, ("BLA",), 0)
    assert found.sentences() == [
        "Laboratory Bonn: BAS (5) left out of the judgement, because no other laboratory has them "
        "to learn from.",
        "Laboratory Bonn has no cell of BLA, which the others teach: such an answer is an error "
        "there.",
    ]


def test_patients_and_overlaps_of_the_laboratory_do_not_train() -> None:
    table = cells_of({"Munich": {"NGS": 4, "LYT": 3}, "Bonn": {"NGS": 2, "LYT": 2}})
    ids = [f"m{n}" for n in range(7)] + [f"b{n}" for n in range(4)]
    ids[0] = ids[-1]  # a patient of both
    groups = [None, "g", *[None] * 8, "g"]  # and an overlap of other cells with Bonn's last
    found = leave_out_laboratory(
        table.with_columns(pl.Series("patient_id", ids), pl.Series("overlap_group", groups)), "Bonn"
    )
    assert found.table.filter(split="train").height == 5
    assert found.table.filter(split="test").height == 4
    assert found.withheld == 2
    assert "2 cells of the others share a patient" in found.sentences()[0]


@pytest.mark.parametrize(
    ("others", "problem"),
    [
        ({"LYT": 5}, "the others, without it, have only class LYT to learn from"),
        ({"BLA": 5, "MON": 2}, "it shares no class with the others"),
    ],
)
def test_a_laboratory_that_cannot_be_judged_has_its_reason(
    others: dict[str, int], problem: str
) -> None:
    found = leave_out_laboratory(cells_of({"Bonn": {"LYT": 2, "NGS": 2}, "Ulm": others}), "Bonn")
    assert found.problem == problem
    assert found.sentences() == [f"Laboratory Bonn is not judged: {problem}."]


def test_errors_and_an_earlier_split_do_not_count() -> None:
    table = cells_of({"A": {"LYT": 3, "NGS": 3}, "B": {"LYT": 3, "NGS": 3}}).with_columns(
        pl.lit(1).alias("fold"), pl.Series("error", ["bad", *[None] * 11])
    )
    found = leave_out_laboratory(table, "B").table
    assert found.height == 11
    assert "fold" not in found.columns


def test_two_laboratories_are_needed() -> None:
    assert require_laboratories(cells_of(TWO)) == ["Bonn", "Munich"]
    with pytest.raises(InputError, match="names only the laboratory Munich"):
        require_laboratories(cells_of({"Munich": {"LYT": 3}}))
    with pytest.raises(InputError, match="names no laboratory"):
        require_laboratories(cells_of({"Munich": {"LYT": 3}}).drop("laboratory"))
