"""Which cells are looked at, which teach, which judge; and what is too little for it."""

import polars as pl
import pytest

from marrowscope.errors import InputError
from marrowscope.models.card import Card
from marrowscope.training.adaptation.adaptation_cells import PART, adaptation_cells
from support.split_cells import cells

CARD = Card("old", "sequential", ("NGS", "EOS", "LYT"), ("NGS", "EOS", "LYT"))


def test_without_labels_every_readable_image_is_looked_at() -> None:
    table = cells({"NGS": 4}).drop("label").with_columns(error=pl.lit(None, pl.String))
    table[0, "error"] = "damaged"
    found = adaptation_cells(table, CARD)
    assert (found.shown.height, found.taught.height, found.judged.height) == (3, 0, 0)


def test_labelled_cells_teach_and_judge_in_turns() -> None:
    found = adaptation_cells(cells({"NGS": 20, "LYT": 10}), CARD)
    assert found.taught is found.judged
    sizes = found.judged.group_by(PART, "label").len()
    assert sizes.filter(pl.col("label") == "NGS")["len"].to_list() == [4] * 5
    assert sizes.filter(pl.col("label") == "LYT")["len"].to_list() == [2] * 5
    assert "5 folds, seed 0, by image" in found.method


def test_no_patient_teaches_the_network_that_judges_it() -> None:
    found = adaptation_cells(cells({"NGS": 60, "LYT": 40}, patients=8), CARD)
    assert found.judged.group_by("patient_id").agg(pl.col(PART).n_unique())[PART].max() == 1


def test_a_split_is_kept_to_and_its_held_out_cells_are_not_looked_at() -> None:
    table = cells({"NGS": 30, "LYT": 30}).with_columns(
        split=pl.when(pl.int_range(pl.len()) % 2 == 0)
        .then(pl.lit("train"))
        .otherwise(pl.lit("test"))
    )
    found = adaptation_cells(table, CARD)
    assert set(found.judged["split"]) == {"test"}
    assert set(found.taught["split"]) == set(found.shown["split"]) == {"train"}
    assert not set(found.taught[PART]) & set(found.judged[PART])


def test_labels_that_only_judge_do_not_teach() -> None:
    found = adaptation_cells(cells({"LYT": 25}), CARD, teach=False)
    assert (found.taught.height, found.judged.height) == (0, 25)


def test_labels_may_all_be_held_out() -> None:
    judged = cells({"NGS": 12, "LYT": 12}).with_columns(split=pl.lit("test"))
    shown = cells({"EOS": 30}).with_columns(label=pl.lit(None, pl.String), split=pl.lit("train"))
    found = adaptation_cells(pl.concat([judged, shown]), CARD)
    assert (found.shown.height, found.taught.height, found.judged.height) == (30, 0, 24)


def test_cells_of_unknown_classes_are_counted_and_only_looked_at() -> None:
    found = adaptation_cells(cells({"NGS": 20, "LYT": 10, "BAS": 3}), CARD)
    assert found.unknown == {"BAS": 3}
    assert found.shown.height == 33
    assert set(found.taught["label"]) == {"NGS", "LYT"}


@pytest.mark.parametrize(
    ("counts", "patients", "said"),
    [
        ({"NGS": 9, "LYT": 9}, 0, "18 cells of known class are labelled; .* on 20 or more"),
        ({"LYT": 30}, 0, "labelled cells of LYT only, .*`layers=none`"),
        ({"BAS": 30}, 0, "labels are BAS, and old knows NGS, EOS, LYT: .* not to new classes"),
        ({"NGS": 20, "LYT": 20}, 1, "too few patients or slides"),
    ],
)
def test_too_little_is_refused_with_what_is_needed(
    counts: dict[str, int], patients: int, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        adaptation_cells(cells(counts, patients), CARD)


def test_fewer_labelled_cells_than_classes_are_refused() -> None:
    table = cells({"NGS": 20, "LYT": 20}).with_columns(split=pl.lit("test"))
    table[0, "split"] = table[30, "split"] = "train"
    with pytest.raises(InputError, match="2 labelled cells may teach, fewer than the 3 classes"):
        adaptation_cells(table, CARD)


def test_no_readable_image_is_refused() -> None:
    table = cells({"NGS": 2}).with_columns(error=pl.lit("damaged"))
    with pytest.raises(InputError, match="none of 2 images can be read"):
        adaptation_cells(table, CARD)
