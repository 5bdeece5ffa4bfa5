"""Which cells train, which are held out, and what is refused."""

import polars as pl
import pytest

from marrowscope.errors import InputError
from marrowscope.morphology import OUTPUTS_22
from marrowscope.training.training_cells import laboratory_indices, select_training_cells
from support.laboratories import cells_of


def cells(**columns: list) -> pl.DataFrame:
    count = len(next(iter(columns.values())))
    names = [str(row) for row in range(count)]
    return pl.DataFrame({"cell_id": names, "path": names, **columns})


def test_the_split_column_decides_and_rows_without_a_part_take_none() -> None:
    table = cells(
        label=["BLA", "LYT", "BLA", "LYT", "BLA"], split=["train", "train", "test", "test", None]
    )
    data = select_training_cells(table)
    assert data.train["cell_id"].to_list() == ["0", "1"]
    assert data.held_out["cell_id"].to_list() == ["2", "3"]
    assert data.known == ("BLA", "LYT")
    assert data.outputs == OUTPUTS_22
    assert data.targets(data.held_out).tolist() == [0, 1]
    assert data.description["images"] == {"BLA": 1, "LYT": 1}


def test_a_fold_is_held_out_and_the_others_train() -> None:
    table = cells(label=["BLA", "LYT"] * 3, fold=[0, 0, 1, 1, 2, 2])
    data = select_training_cells(table, fold=1)
    assert data.train["fold"].to_list() == [0, 0, 2, 2]
    assert data.held_out["fold"].to_list() == [1, 1]
    assert data.split["fold"] == 1


def test_rows_with_an_error_or_without_a_label_are_left_out() -> None:
    table = cells(label=["BLA", "LYT", None, "BLA"], error=[None, None, None, "empty file"])
    data = select_training_cells(table)
    assert data.train["cell_id"].to_list() == ["0", "1"]
    assert data.held_out.is_empty()


def test_a_scheme_of_ones_own_has_one_output_per_label() -> None:
    data = select_training_cells(cells(label=["big", "BLA", "small"]))
    assert data.outputs == data.known == ("BLA", "big", "small")


@pytest.mark.parametrize(
    ("table", "fold", "message"),
    [
        (cells(x=[1]), None, "no labels"),
        (cells(label=pl.Series([None, None], dtype=pl.String)), None, "no labels"),
        (cells(label=["BLA", "BLA"]), None, "only class BLA"),
        (cells(label=["BLA", "LYT"], split=["train", "test"]), None, "no training image.*LYT"),
        (cells(label=["BLA", "LYT"], fold=[0, 1]), None, "name the one to hold out as `fold`"),
        (cells(label=["BLA", "LYT"], fold=[0, 1]), 7, "`fold` 7"),
        (cells(label=["BLA", "LYT"]), 0, "`fold` 0"),
        (cells(label=["BLA", "LYT"], fold=[0, 1]), 1, "no training image.*LYT"),
    ],
)
def test_what_cannot_be_trained_on_is_one_line(
    table: pl.DataFrame, fold: int | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        select_training_cells(table, fold)
    assert "\n" not in str(caught.value)


def test_a_share_of_the_labels_takes_some_of_every_class_and_leaves_the_held_out() -> None:
    table = cells(label=["BLA", "LYT"] * 40, split=["train"] * 60 + ["test"] * 20)
    part, half = select_training_cells(table, share=0.1), select_training_cells(table, share=0.5)
    assert part.description["images"] == {"BLA": 3, "LYT": 3}
    assert part.held_out.height == 20
    assert set(part.train["cell_id"]) < set(half.train["cell_id"])
    assert (
        select_training_cells(table, share=0.1, seed=1).train["cell_id"].to_list()
        != part.train["cell_id"].to_list()
    )
    assert select_training_cells(table, share=0.001).description["images"] == {"BLA": 1, "LYT": 1}
    # The order of the rows has no say.
    other = select_training_cells(table.reverse(), share=0.1)
    assert set(other.train["cell_id"]) == set(part.train["cell_id"])
    for share in (0, 1.5, -1):
        with pytest.raises(InputError, match="give a share above 0"):
            select_training_cells(table, share=share)


def test_the_card_says_which_classes_are_of_which_laboratory() -> None:
    table = cells_of({"Munich": {"BLA": 3, "LYT": 2}, "Bo\x07nn": {"LYT": 4}, "": {"BLA": 1}})
    found = select_training_cells(table).description
    assert found["laboratories"] == {
        "Bo·nn": {"LYT": 4}, "Munich": {"BLA": 3, "LYT": 2}, "": {"BLA": 1}
    }  # fmt: skip
    assert "laboratories" not in select_training_cells(table.drop("laboratory")).description


def test_laboratories_have_numbers_in_the_order_of_their_names() -> None:
    rows = pl.DataFrame({"laboratory": ["Ulm", None, "Bonn", "Ulm"]})
    assert laboratory_indices(rows).tolist() == [2, 0, 1, 2]
    assert laboratory_indices(rows.drop("laboratory").with_row_index()).tolist() == [0, 0, 0, 0]
