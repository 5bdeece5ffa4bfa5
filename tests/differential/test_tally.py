"""Cells by what becomes of them: every row is in exactly one part of a tally."""

import polars as pl
import pytest

from marrowscope.differential.tally import BELOW_THRESHOLD, UNLIKE_KNOWN, tally, unknown_classes
from marrowscope.errors import InputError
from marrowscope.morphology import CODES

ROWS = [
    # predicted, confidence, error, edge
    ("BLA", 0.9, None, False),
    ("NGS", 0.9, None, None),
    ("NGS", 0.2, None, False),
    ("ART", 0.9, None, False),
    ("NIF", 0.9, None, False),
    (None, None, None, False),
    ("LYT", 0.9, None, True),
    ("EBO", 0.9, "damaged", False),
]
SCHEMA = {
    "predicted": pl.String,
    "confidence": pl.Float32,
    "error": pl.String,
    "edge": pl.Boolean,
}


@pytest.fixture
def table() -> pl.DataFrame:
    return pl.DataFrame(ROWS, SCHEMA, orient="row")


def test_every_row_is_in_one_part(table: pl.DataFrame) -> None:
    found = tally(table, min_confidence=0.5, flags=("edge",))
    assert {code: number for code, number in found.counted.items() if number} == {
        "BLA": 1,
        "NGS": 1,
    }
    assert found.not_classified == {"OTH": 0, "NIF": 1, BELOW_THRESHOLD: 1}
    assert {code: number for code, number in found.excluded.items() if number} == {"ART": 1}
    assert found.left_out == {"unreadable": 1, "edge": 1, "without prediction": 1}
    assert (found.countable, found.unclassified, found.looked_at) == (2, 2, 5)
    assert found.looked_at + sum(found.left_out.values()) == len(ROWS)


def test_without_a_threshold_every_answer_counts(table: pl.DataFrame) -> None:
    found = tally(table)
    assert found.counted["NGS"] == 2
    assert BELOW_THRESHOLD not in found.not_classified
    assert found.counted["LYT"] == 1  # no flag was named


def test_a_class_without_any_probability_is_not_known() -> None:
    table = pl.DataFrame({"predicted": ["BLA"], "p_BLA": [1.0], "p_LYT": [0.0]})
    assert tally(table).known == ("BLA",)
    assert tally(table.select("predicted")).known == CODES
    assert tally(table, known=("LYT",)).known == tuple(c for c in CODES if c in ("BLA", "LYT"))
    assert len(unknown_classes(("BLA",))) == len(CODES) - 1


@pytest.mark.parametrize(
    ("change", "threshold", "words"),
    [
        ({"predicted": None}, None, "has no column predicted"),
        ({"confidence": None}, 0.5, "has no column confidence"),
        ({"edge": "yes"}, None, "column edge is not a flag"),
        ({}, 1.5, "`min_confidence` is 1.5"),
    ],
)
def test_what_makes_no_sense_is_refused(
    table: pl.DataFrame, change: dict[str, str | None], threshold: float | None, words: str
) -> None:
    for name, value in change.items():
        table = table.drop(name) if value is None else table.with_columns(pl.lit(value).alias(name))
    with pytest.raises(InputError, match=words):
        tally(table, min_confidence=threshold, flags=("edge",))


def test_novel_cells_are_not_classified_whatever_the_answer(table: pl.DataFrame) -> None:
    flags = [True, False, True, True, None, True, True, True]
    result = tally(
        table.with_columns(odd=pl.Series(flags)), min_confidence=0.5, flags=["edge"], novel="odd"
    )
    assert result.novel == 3  # the blast, the unsure neutrophil, the artefact; no one twice
    assert result.not_classified[UNLIKE_KNOWN] == 3
    assert result.not_classified[BELOW_THRESHOLD] == 0
    assert result.counted["BLA"] == result.excluded["ART"] == 0
    assert (result.countable, result.unclassified, result.looked_at) == (1, 4, 5)
    assert result.familiar["predicted"].to_list() == ["NGS", "NIF"]
    assert tally(table).novel is None
    assert UNLIKE_KNOWN not in tally(table).not_classified
    with pytest.raises(InputError, match="no column odd"):
        tally(table, novel="odd")
