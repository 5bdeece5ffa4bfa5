"""Held-out answers: counted by truth and confidence, kept as plain data."""

import polars as pl
import pytest

from marrowscope.differential.held_out_answers import (
    held_out_from_dict,
    held_out_from_table,
)
from marrowscope.errors import InputError
from support.count_rows import cells, perfect


def test_held_out_answers_survive_plain_data_and_foreign_data_is_refused():
    held_out = perfect(each=3)
    again = held_out_from_dict(held_out.to_dict(), "card.json")
    assert again.codes == held_out.codes
    assert (again.counts == held_out.counts).all()
    for wrong in (
        None,
        [],
        {},
        {**held_out.to_dict(), "codes": ["BLA"]},
        {**held_out.to_dict(), "sure": 0.5},
        {**held_out.to_dict(), "counts": [[-1] * 42] * 21},
        {**held_out.to_dict(), "counts": [[0.5] * 42] * 21},
        {**held_out.to_dict(), "codes": ["BLA"] * 21},
    ):
        with pytest.raises(InputError, match=r"^card\.json: "):
            held_out_from_dict(wrong, "card.json")


def test_held_out_answers_are_counted_from_a_table_by_truth_and_confidence():
    table = cells(0.9, BLA=2, NGS=1).with_columns(label=pl.Series(["BLA", "NGS", "NGS"]))
    unsure = cells(0.3, NGS=1).with_columns(label=pl.Series(["BLA"]))
    held_out = held_out_from_table(pl.concat([table, unsure]))
    assert held_out.codes == ("BLA", "NGS")
    assert held_out.counts.tolist() == [[0, 1, 1, 0], [0, 1, 0, 1]]
