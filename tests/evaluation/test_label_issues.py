"""Labels in doubt: ranks by hand, rare classes, whose predictions may be asked."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowscope.errors import InputError
from marrowscope.evaluation.label_issues import (
    estimated_errors,
    find_label_issues,
    ranks,
    relative_odds,
)

CODES = ("BLA", "PMO", "LYT")


def table(
    sizes: tuple[int, ...], sure: tuple[float, ...], seed: int = 0, codes: tuple[str, ...] = CODES
) -> pl.DataFrame:
    """Cells whose own class gets about ``sure``; the rest is shared evenly."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(codes)), sizes)
    own = np.clip(np.asarray(sure)[labels] + random.normal(0, 0.02, len(labels)), 0.01, 0.99)
    values = np.repeat(((1 - own) / (len(codes) - 1))[:, None], len(codes), axis=1)
    values[np.arange(len(labels)), labels] = own
    return pl.DataFrame(
        {
            "cell_id": [f"c{place}" for place in range(len(labels))],
            "path": [f"/cells/{place}.jpg" for place in range(len(labels))],
            "label": [codes[place] for place in labels],
            **{f"p_{code}": values[:, place] for place, code in enumerate(codes)},
        }
    )


def flipped(rows: pl.DataFrame, cells: dict[str, str]) -> pl.DataFrame:
    return rows.with_columns(
        pl.col("cell_id")
        .replace_strict(cells, default=None)
        .fill_null(pl.col("label"))
        .alias("label")
    )


def test_odds_are_measured_by_what_is_usual_in_the_class() -> None:
    # Class 0 gets 0.8 and 0.4, mean 0.6; class 1 gets 0.2 and 0.1, mean 0.15.
    values = np.array([[0.8, 0.1, 0.1], [0.4, 0.1, 0.5], [0.7, 0.2, 0.1], [0.5, 0.1, 0.4]])
    labels = np.array([0, 0, 1, 1])
    expected = [0.8 / 0.6 / 0.1, 0.4 / 0.6 / 0.5, 0.2 / 0.15 / 0.7, 0.1 / 0.15 / 0.5]
    assert relative_odds(labels, values) == pytest.approx(expected, rel=2e-3)


def test_what_is_usual_may_be_that_of_a_group_within_the_class() -> None:
    # The label of all is class 0; the groups get 0.8 and 0.6, mean 0.7, and 0.2.
    values = np.array([[0.8, 0.2], [0.6, 0.4], [0.2, 0.8]])
    labels, groups = np.zeros(3, dtype=np.int64), np.array([0, 0, 1])
    expected = [0.8 / 0.7 / 0.2, 0.6 / 0.7 / 0.4, 0.2 / 0.2 / 0.8]
    assert relative_odds(labels, values, groups) == pytest.approx(expected, rel=2e-3)


def test_certainty_and_a_class_without_any_probability_stay_finite() -> None:
    values = np.array([[1.0, 0.0], [1.0, 0.0]])
    sure, never = relative_odds(np.array([0, 1]), values)
    assert sure == pytest.approx(1e4, rel=1e-3)
    assert never == pytest.approx(1e-4, rel=1e-3)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.integers(0, 3)), min_size=1))
def test_ranks_are_permutations_that_agree(rows: list[tuple[float, int]]) -> None:
    scores = np.array([score for score, _ in rows])
    labels = np.array([label for _, label in rows])
    among_all, within = ranks(scores, labels)
    assert sorted(among_all) == list(range(1, len(rows) + 1))
    assert (np.diff(scores[np.argsort(among_all)]) >= 0).all()
    for label in np.unique(labels):
        members = labels == label
        assert sorted(within[members]) == list(range(1, members.sum() + 1))
        assert (np.argsort(within[members]) == np.argsort(among_all[members])).all()


def test_wrong_labels_come_first_with_the_class_they_are_of() -> None:
    rows = flipped(table((40, 40, 40), (0.9, 0.9, 0.9)), {"c3": "LYT", "c50": "BLA"})
    found = find_label_issues(rows, share=0.02)
    assert set(found.table["cell_id"]) == {"c3", "c50"}
    by_id = {row["cell_id"]: row for row in found.table.iter_rows(named=True)}
    assert (by_id["c3"]["label"], by_id["c3"]["suggested"]) == ("LYT", "BLA")
    assert (by_id["c50"]["label"], by_id["c50"]["suggested"]) == ("BLA", "PMO")
    assert found.table["rank"].to_list() == [1, 2]
    assert found.table["corrected"].null_count() == 2
    estimated = {entry.code: entry.estimated for entry in found.classes}
    assert estimated == {"BLA": 1, "PMO": 0, "LYT": 1}


def test_a_rare_class_of_which_networks_are_unsure_neither_floods_nor_is_silent() -> None:
    # 10 of 210 cells get 0.2 for their label throughout, less than wrong labels of the others do.
    rows = table((100, 100, 10), (0.8, 0.8, 0.2))
    wrong = pl.col("cell_id").is_in(["c0", "c1", "c100", "c101"])
    rows = rows.with_columns(  # 0.25 for the label where others of the class get 0.8
        pl.when(wrong & (pl.col("label") == "BLA"))
        .then(0.25)
        .when(wrong)
        .then(0.6)
        .otherwise("p_BLA")
        .alias("p_BLA"),
        pl.when(wrong & (pl.col("label") == "BLA"))
        .then(0.6)
        .when(wrong)
        .then(0.25)
        .otherwise("p_PMO")
        .alias("p_PMO"),
        pl.when(wrong).then(0.15).otherwise("p_LYT").alias("p_LYT"),
    )
    found = find_label_issues(rows, share=0.02)
    assert set(found.table.head(4)["cell_id"]) == {"c0", "c1", "c100", "c101"}
    assert found.table.filter(pl.col("label") == "LYT").height == 3


def test_cells_whose_label_is_the_most_probable_class_are_not_listed() -> None:
    found = find_label_issues(table((30, 30, 30), (0.9, 0.6, 0.5)), share=1)
    assert found.table.height == 0
    assert [entry.listed for entry in found.classes] == [0, 0, 0]


def test_cells_that_the_network_was_trained_on_are_left_out_unless_a_fold_says_otherwise() -> None:
    rows = table((40, 40, 40), (0.9, 0.9, 0.9))
    parts = pl.Series("split", ["train", "test"] * 60)
    found = find_label_issues(rows.with_columns(parts))
    assert (found.judged, found.trained_on) == (60, 60)
    folds = pl.Series("fold", [0, 1] * 60)
    assert find_label_issues(rows.with_columns(parts, folds)).judged == 120


def test_labels_of_classes_that_were_never_learned_are_counted_and_not_judged() -> None:
    rows = table((40, 40), (0.9, 0.9), codes=("BLA", "PMO")).with_columns(p_EOS=pl.lit(0.0))
    rows = flipped(rows, {"c0": "EOS", "c1": "EOS"})
    found = find_label_issues(rows)
    assert (found.judged, found.not_judged) == (78, 2)


def test_errors_are_estimated_although_a_class_has_no_label() -> None:
    values = np.tile([0.05, 0.9, 0.05], (30, 1))
    values[:15] = [0.05, 0.05, 0.9]
    labels = np.array([2] * 15 + [1] * 15)
    labels[0] = 1
    assert estimated_errors(labels, values).nonzero()[0].tolist() == [0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop("label"), "no label"),
        (lambda rows: rows.drop("p_BLA", "p_PMO", "p_LYT"), "no p_<CODE>"),
        (lambda rows: rows.with_columns(p_BLA=pl.lit(0.9)), "sum to 1"),
        (lambda rows: rows.with_columns(cell_id=pl.lit("x")), "cell x more than once"),
        (lambda rows: rows.head(12), "at least 20 cells"),
        (lambda rows: rows.filter(pl.col("label") == "BLA"), "of 1 classes"),
        (lambda rows: rows.with_columns(split=pl.lit("train")), "of the split train"),
    ],
)
def test_tables_that_say_nothing_are_refused(change: object, message: str) -> None:
    rows = table((40, 40, 40), (0.9, 0.9, 0.9))
    with pytest.raises(InputError, match=message):
        find_label_issues(change(rows))  # type: ignore[operator]


@pytest.mark.parametrize("share", [0, -0.1, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="`share` is"):
        find_label_issues(table((40, 40, 40), (0.9, 0.9, 0.9)), share)


def test_a_laboratory_that_networks_are_unsure_of_does_not_flood_the_list() -> None:
    """Ulm's cells get .12 for their label, right as it is; three labels of Bonn are wrong."""
    bonn = table((40, 40, 40), (0.6, 0.6, 0.6)).with_columns(laboratory=pl.lit("Bonn"))
    bonn = flipped(bonn, {"c0": "LYT", "c50": "LYT", "c90": "BLA"})
    ulm = table((40, 40, 40), (0.12, 0.12, 0.12), seed=1).with_columns(
        pl.lit("Ulm").alias("laboratory"), cell_id=pl.col("cell_id") + "u"
    )
    both = pl.concat([bonn, ulm])
    found = find_label_issues(both, share=0.05)
    assert set(found.table["cell_id"].head(3)) == {"c0", "c50", "c90"}
    assert found.table["laboratory"].head(3).to_list() == ["Bonn"] * 3
    mixed = find_label_issues(both.drop("laboratory"), share=0.05)
    assert not {"c0", "c50", "c90"} & set(mixed.table["cell_id"].head(3))
    assert "laboratory" not in mixed.table.columns
    assert mixed.laboratories == ()


def test_the_result_is_told_by_laboratory() -> None:
    names = ["Bonn"] * 30 + ["Ulm"] * 25 + [None] * 5
    rows = table((20, 20, 20), (0.9, 0.9, 0.9)).with_columns(pl.Series("laboratory", names))
    found = find_label_issues(flipped(rows, {"c0": "LYT"}))
    assert [(one.name, one.cells, one.listed) for one in found.laboratories] == [
        ("Bonn", 30, 1), ("Ulm", 25, 0), ("", 5, 0),
    ]  # fmt: skip
    assert sum(one.estimated for one in found.laboratories) == sum(
        one.estimated for one in found.classes
    )
    assert find_label_issues(rows.with_columns(laboratory=pl.lit("Bonn"))).laboratories == ()
