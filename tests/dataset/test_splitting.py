"""Splits: tight, stable, and nothing crosses."""

import hashlib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.dataset.contents import NO_IDS
from marrowscope.dataset.splitting import folds, hold_out, split_warning
from marrowscope.errors import InputError
from support.laboratories import cells_of
from support.split_cells import cells


def crossing(table: pl.DataFrame, by: str, column: str) -> int:
    parts = table.filter(pl.col(column).is_not_null()).group_by(by)
    return parts.agg(pl.col(column).n_unique().alias("n")).filter(pl.col("n") > 1).height


def test_hold_out_takes_the_share_of_every_class() -> None:
    result = hold_out(cells({"BLA": 450, "PMO": 350, "KSC": 42}), 0.2)
    assert result.counts() == {
        "BLA": {"test": 90, "train": 360},
        "PMO": {"test": 70, "train": 280},
        "KSC": {"test": 8, "train": 34},
    }


@given(
    st.dictionaries(st.sampled_from("ABCDE"), st.integers(2, 60), min_size=1),
    st.floats(0.05, 0.95),
    st.integers(0, 2**31),
)
@settings(max_examples=60, deadline=None)
def test_every_class_is_within_one_image_of_its_share(
    counts: dict[str, int], test: float, seed: int
) -> None:
    found = hold_out(cells(counts), test, seed).counts()
    for label, count in counts.items():
        assert abs(found[label]["test"] - test * count) <= 1
        assert found[label]["test"] >= 1
        assert found[label]["train"] >= 1


@given(
    st.dictionaries(st.sampled_from("ABCD"), st.integers(1, 60), min_size=1),
    st.integers(2, 6),
    st.integers(0, 2**31),
    st.sampled_from([0, 7, 30]),
    st.integers(0, 20),
)
@settings(max_examples=80, deadline=None)
def test_no_content_and_no_patient_crosses(
    counts: dict[str, int], parts: int, seed: int, patients: int, repeat: int
) -> None:
    table = cells(counts, patients, repeat)
    for result, column in (
        (folds(table, parts, seed), "fold"),
        (hold_out(table, 0.3, seed), "split"),
    ):
        assert crossing(result.table, "sha256", column) == 0
        if patients:
            assert crossing(result.table, "patient_id", column) == 0
            assert result.grouped_by == "patient_id"
        assert result.table[column].null_count() == 0


@given(st.randoms(use_true_random=False), st.integers(0, 2**31), st.sampled_from([0, 9]))
@settings(max_examples=30, deadline=None)
def test_row_order_does_not_matter(random, seed: int, patients: int) -> None:
    table = cells({"A": 40, "B": 25}, patients)
    order = list(range(table.height))
    random.shuffle(order)
    for make in (lambda t: hold_out(t, 0.2, seed), lambda t: folds(t, 4, seed)):
        one = make(table).table.sort("cell_id")
        two = make(table[order]).table.sort("cell_id")
        assert one.equals(two)


def test_the_split_is_the_same_on_every_machine() -> None:
    table = hold_out(cells({"A": 20}), 0.2, seed=0).table
    chosen = [Path(p).stem for p in table.filter(pl.col("split") == "test")["path"]]
    # Worked out from the definition: the last four in order of SHA-256 of "seed content".
    digests = {
        number: hashlib.sha256(
            f"0 {hashlib.sha256(f'A{number}'.encode()).hexdigest()}".encode()
        ).hexdigest()[:16]
        for number in range(20)
    }
    expected = sorted(digests, key=digests.__getitem__)[16:]
    assert sorted(chosen, key=int) == [str(number) for number in sorted(expected)]


@pytest.mark.parametrize("laboratory", [None, "Munich"])
@pytest.mark.parametrize(
    ("patients", "held_out", "in_folds"),
    [(0, "835826a7222d5072", "ca3730fd482bc659"), (12, "3a7fd9343cab8bfb", "acb7360e0788c32a")],
)
def test_splits_of_one_laboratory_or_none_are_those_of_earlier_versions(
    patients: int, held_out: str, in_folds: str, laboratory: str | None
) -> None:
    table = cells({"BLA": 90, "PMO": 41, "KSC": 3}, patients, repeat=5)
    if laboratory is not None:
        table = table.with_columns(pl.lit(laboratory).alias("laboratory"))
    for made, column, expected in (
        (hold_out(table, 0.2, 7).table, "split", held_out),
        (folds(table, 5, 7).table, "fold", in_folds),
    ):
        rows = repr(made.select("cell_id", column).rows())
        assert hashlib.sha256(rows.encode()).hexdigest()[:16] == expected


def test_class_and_laboratory_are_divided_together() -> None:
    table = cells_of({"Munich": {"LYT": 50, "BLA": 20}, "Bonn": {"LYT": 100}})
    result = hold_out(table, 0.2)
    assert result.laboratories() == ["Bonn", "Munich"]
    assert result.counts("Bonn") == {"LYT": {"test": 20, "train": 80}}
    assert result.counts("Munich") == {
        "BLA": {"test": 4, "train": 16}, "LYT": {"test": 10, "train": 40}
    }  # fmt: skip
    assert result.counts()["LYT"] == {"test": 30, "train": 120}


@given(
    st.dictionaries(
        st.sampled_from(["M", "B", "U", ""]),
        st.dictionaries(st.sampled_from(["LYT", "NGS"]), st.integers(1, 30), min_size=1),
        min_size=2,
    ),
    st.integers(0, 2**31),
    st.floats(0.1, 0.9),
    st.integers(2, 6),
)
@settings(max_examples=60, deadline=None)
def test_classes_and_their_laboratories_are_both_within_one_image_of_their_share(
    counts: dict[str, dict[str, int]], seed: int, test: float, parts: int
) -> None:
    table = cells_of(counts)
    held_out, folded = hold_out(table, test, seed), folds(table, parts, seed)
    for laboratory in (None, *held_out.laboratories()):
        for label, row in held_out.counts(laboratory).items():
            assert abs(row.get("test", 0) - test * sum(row.values())) <= 1 + 1e-9, label
        for row in folded.counts(laboratory).values():
            count = sum(row.values())
            full = [row.get(str(part), 0) for part in range(parts)]
            assert set(full) <= {count // parts, -(-count // parts)}


def test_patients_stay_together_in_a_split_by_laboratory() -> None:
    table = cells_of({"M": {"LYT": 90, "BLA": 60}, "B": {"LYT": 120}}, patients=12)
    result = folds(table, 3)
    assert crossing(result.table, "patient_id", "fold") == 0
    for laboratory in ("M", "B"):
        for count in result.counts(laboratory)["LYT"].values():
            assert count == pytest.approx(
                len(table.filter(laboratory=laboratory, label="LYT")) / 3, rel=0.3
            )


def test_a_class_of_which_a_laboratory_has_few_images_is_named() -> None:
    result = folds(cells_of({"M": {"LYT": 20, "BLA": 20}, "B": {"LYT": 2, "BLA": 20}}), 5)
    assert result.warnings[-1] == "Absent from some part, for they are few: LYT of B."


def test_another_seed_gives_another_split() -> None:
    for patients in (0, 40):
        table = cells({"A": 200, "B": 100}, patients)
        one, two = (hold_out(table, 0.2, seed).table["split"] for seed in (0, 1))
        assert (one != two).any()


def test_grouped_parts_are_balanced() -> None:
    result = folds(cells({"A": 3000, "B": 600}, patients=150), 5)
    for label, total in (("A", 3000), ("B", 600)):
        for count in result.counts()[label].values():
            assert count == pytest.approx(total / 5, rel=0.12)
    assert result.warnings == ()


def test_a_class_of_eight_fills_five_folds_and_a_class_of_three_is_reported() -> None:
    result = folds(cells({"BLA": 100, "ABE": 8, "KSC": 3}), 5)
    assert sorted(result.counts()["ABE"].values()) == [1, 1, 2, 2, 2]
    assert sorted(result.counts()["KSC"].values()) == [0, 0, 1, 1, 1]
    assert any("KSC has 3 images" in warning for warning in result.warnings)
    assert not any("ABE" in warning for warning in result.warnings)


def test_without_ids_there_is_a_loud_line_and_with_ids_there_is_none() -> None:
    assert hold_out(cells({"A": 50}), 0.2).warnings == (NO_IDS,)
    assert hold_out(cells({"A": 50}, patients=10), 0.2).warnings == ()
    assert split_warning(cells({"A": 5})) == NO_IDS
    assert split_warning(cells({"A": 5}, patients=2)) is None


def test_bad_and_unlabelled_rows_take_no_part() -> None:
    table = cells({"A": 50}).with_columns(
        pl.Series("error", ["empty file"] + [None] * 49, dtype=pl.String),
        pl.Series("label", ["A"] * 49 + [None], dtype=pl.String),
    )
    parts = hold_out(table, 0.2).table["split"]
    assert parts[0] is None
    assert parts[49] is None
    assert parts.null_count() == 2


def test_tables_without_labels_and_impossible_options_are_refused() -> None:
    with pytest.raises(InputError, match="no labels"):
        hold_out(cells({"A": 5}).drop("label"), 0.2)
    with pytest.raises(InputError, match=r"`test` is 1\.5"):
        hold_out(cells({"A": 5}), 1.5)
    with pytest.raises(InputError, match="`folds` is"):
        folds(cells({"A": 5}), 1)


def test_ids_that_only_some_cells_have_still_keep_those_together() -> None:
    table = cells({"A": 90, "B": 60}, patients=6).with_columns(
        pl.when(pl.col("cell_id").str.slice(-1) < "8").then(pl.col("patient_id"))
    )
    result = folds(table, 3)
    assert result.grouped_by == "patient_id"
    assert crossing(result.table.drop_nulls("patient_id"), "patient_id", "fold") == 0
    assert result.table["fold"].null_count() == 0
    assert "images have a patient_id" in result.warnings[0]
    assert split_warning(result.table) == result.warnings[0]


def test_a_grouped_split_worked_by_hand() -> None:
    # Two halves of one class, groups of 2, 1 and 1 cells: they go 2 | 1 + 1, unless the jitter puts
    # both small groups before the large one.
    table = cells({"A": 4}).with_columns(pl.Series("patient_id", ["P", "P", "Q", "R"]))
    seeds = [folds(table, 2, seed).table["fold"].to_list() for seed in range(20)]
    assert all(parts[0] == parts[1] for parts in seeds)
    assert sum(parts[2] == parts[3] != parts[0] for parts in seeds) >= 10


def test_one_patient_written_with_a_blank_stays_on_one_side_and_groups_are_counted() -> None:
    table = cells({"A": 40}).with_columns(pl.Series("patient_id", ["P0", "P0 ", "P1", "p1"] * 10))
    result = folds(table, 2)
    sides = result.table.with_columns(pl.col("patient_id").str.strip_chars())
    assert crossing(sides, "patient_id", "fold") == 0
    assert result.groups == 3
    assert any("'P1', 'p1' differ only in blanks" in line for line in result.warnings)
