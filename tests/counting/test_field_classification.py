"""What becomes of a cell: its role follows from class, confidence and border."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowscope.counting.field_classification import (
    add_predictions,
    excluded_object_types,
)
from marrowscope.differential.count_roles import CellRole
from marrowscope.differential.differential_count import differential
from marrowscope.morphology import CODES


def answers(codes: list[str], confidences: list[float]) -> np.ndarray:
    values = np.zeros((len(codes), len(CODES)), np.float32)
    for row, (code, confidence) in enumerate(zip(codes, confidences, strict=True)):
        values[row] = (1 - confidence) / (len(CODES) - 1)
        values[row, CODES.index(code)] = confidence
    return values


def cells(borders: list[bool]) -> pl.DataFrame:
    names = [f"cell {number}" for number in range(len(borders))]
    return pl.DataFrame(
        {
            "cell_id": names,
            "touches_border": borders,
            "judgeable": [True] * len(names),
            "kind": ["cell"] * len(names),
        },
        schema={
            "cell_id": pl.String,
            "touches_border": pl.Boolean,
            "judgeable": pl.Boolean,
            "kind": pl.String,
        },
    )


def test_roles_follow_class_confidence_and_border() -> None:
    values = answers(["NGS", "NGS", "NIF", "ART", "KSC", "NGS", "EBO"],
                     [0.9, 0.5, 0.9, 0.9, 0.9, 0.9, 0.9])  # fmt: skip
    values[6] = np.nan
    table = add_predictions(cells([False] * 5 + [True, False]), values, CODES, 0.6)
    assert table["role"].to_list() == [
        "counted", "not classified", "not classified", "not counted", "not counted",
        "left out", "left out",
    ]  # fmt: skip
    assert table["predicted"].to_list() == ["NGS", "NGS", "NIF", "ART", "KSC", "NGS", None]
    assert table["confidence"].to_list()[:2] == pytest.approx([0.9, 0.5])
    assert table["confidence"][6] is None
    assert table["p_NGS"][0] == pytest.approx(0.9)
    assert table["p_NGS"][6] is None


def test_what_is_no_intact_cell_is_left_out_unless_the_model_was_taught_it() -> None:
    table = cells([False] * 3).with_columns(kind=pl.Series(["naked nucleus", "smudge", "cell"]))
    values = answers(["LYT", "LYT", "LYT"], [0.9] * 3)
    few = excluded_object_types(("LYT", "NGS"))
    assert few == ("naked nucleus", "smudge", "debris")
    found = add_predictions(table, values, CODES, non_cells=few)
    assert found["role"].to_list() == [CellRole.LEFT_OUT, CellRole.LEFT_OUT, CellRole.COUNTED]
    assert found["predicted"].to_list() == ["LYT"] * 3
    assert excluded_object_types((*CODES,)) == ()
    taught = add_predictions(table, values, CODES, non_cells=excluded_object_types(("LYT", "NIF")))
    assert taught["role"].to_list() == [CellRole.COUNTED, CellRole.LEFT_OUT, CellRole.COUNTED]


def test_cells_where_none_can_be_judged_are_left_out() -> None:
    places = cells([False] * 3).with_columns(judgeable=pl.Series([True, False, True]))
    roles = add_predictions(places, answers(["NGS"] * 3, [0.9] * 3), CODES)["role"]
    assert roles.to_list() == [CellRole.COUNTED, CellRole.LEFT_OUT, CellRole.COUNTED]


def test_a_field_without_cells_has_all_columns() -> None:
    table = add_predictions(cells([]), np.empty((0, len(CODES)), np.float32), CODES, 0.5)
    assert table.height == 0
    assert {"predicted", "confidence", "role", "p_NGS"} <= set(table.columns)


@given(
    st.lists(
        st.tuples(st.sampled_from(CODES), st.sampled_from([0.3, 0.5, 0.7, 0.8, 1.0]),
                  st.booleans()),
        max_size=30,
    ),
    st.sampled_from([None, 0.0, 0.5, 0.7, 0.8, 1.0]),
)  # fmt: skip
def test_roles_agree_with_the_differential_count(
    drawn: list[tuple[str, float, bool]], least: float | None
) -> None:
    values = answers([code for code, _, _ in drawn], [confidence for _, confidence, _ in drawn])
    table = add_predictions(cells([border for *_, border in drawn]), values, CODES, least)
    tally = differential(table, known=CODES, min_confidence=least, flags=("touches_border",)).tally
    roles = table["role"].to_list()
    assert roles.count(CellRole.COUNTED) == tally.countable
    assert roles.count(CellRole.NOT_CLASSIFIED) == tally.unclassified
    assert roles.count(CellRole.NOT_COUNTED) == sum(tally.excluded.values())
    assert roles.count(CellRole.LEFT_OUT) == sum(tally.left_out.values())
