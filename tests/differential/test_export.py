"""A differential as a table and as plain data."""

import json

import polars as pl
import pytest

from marrowscope.differential.differential_count import differential
from marrowscope.differential.export import to_dict, to_frame
from support.count_rows import cells, perfect


def test_table_and_plain_data_say_what_the_result_says():
    table = cells(BLA=25, NGS=375, EBO=100, NIF=10)
    result = differential(table, held_out=perfect())
    frame, plain = to_frame(result), to_dict(result)
    assert frame["percent"].sum() == pytest.approx(100)
    assert frame.filter(pl.col("code") == "BLA")["count"].item() == 25
    assert plain["me_ratio"]["value"] == 4
    assert plain["open_decisions"][0]["threshold"] == 0.05
    assert plain["open_decisions"][0]["practically_never"]
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_plain_data_of_an_empty_count_has_no_numbers_that_json_lacks():
    for held_out in (None, perfect()):
        result = differential(cells(), held_out=held_out)
        json.dumps(to_dict(result), allow_nan=False)
        assert to_frame(result)["percent"].null_count() == 17
