"""External validation: mapping, no calls, agreement, shift."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowscope.errors import InputError
from marrowscope.evaluation.class_mapping import ClassMapping
from marrowscope.evaluation.external_validation import evaluate_external
from marrowscope.morphology import CODES
from support.external_cells import MAPPING, TABLE, predictions


def test_agreement_lineage_and_no_calls_by_hand() -> None:
    result = evaluate_external(TABLE, MAPPING)
    blast, neutrophil = result.classes
    assert (blast.no_calls.right, blast.no_calls.cells) == (1, 4)
    assert (blast.agreement.right, blast.agreement.cells) == (1, 3)
    assert (blast.lineage.right, blast.lineage.cells) == (2, 3)
    assert neutrophil.agreement.value == 1
    assert (result.no_calls.right, result.no_calls.cells) == (2, 7)
    assert (result.agreement.right, result.agreement.cells) == (3, 5)
    assert result.balanced == pytest.approx((1 / 3 + 1) / 2)
    assert result.unread == 1
    assert result.codes == CODES
    assert result.matrix.sum() == 5
    assert result.matrix[0, CODES.index("PMO")] == 1


def test_low_confidence_is_no_call_and_every_cell_has_one_reason() -> None:
    result = evaluate_external(TABLE, MAPPING, min_confidence=0.5)
    assert result.no_calls.right == 4
    assert list(result.reasons.values()) == [2, 2]
    calibrated = TABLE.with_columns(no_call=pl.col("predicted") == "PMO")
    assert evaluate_external(calibrated, MAPPING).no_calls.right == 3
    odd = calibrated.with_columns(novel=pl.col("predicted") == "PMO")
    reasons = evaluate_external(odd, MAPPING).reasons
    assert reasons["unlike anything that the model knows"] == 1
    assert reasons["below the bundle's no-call limit"] == 0


def test_giving_up_is_the_right_answer_where_the_mapping_says_so() -> None:
    rows = predictions(("debris", "ART", 0.9), ("debris", "NIF", 0.9), ("debris", "BLA", 0.9))
    result = evaluate_external(rows, {"debris": ("ART",)})
    assert (result.agreement.right, result.agreement.cells) == (1, 2)
    assert result.no_calls.right == 1


def test_the_study_s_share_of_no_calls() -> None:
    rows = predictions(*[("myeloblast", "ART", 0.9)] * 247, *[("myeloblast", "BLA", 0.9)] * 380)
    share = evaluate_external(rows, MAPPING).no_calls
    assert 1 - share.value == pytest.approx(0.61, abs=0.005)
    assert share.low < share.value < share.high


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(MAPPING)), st.sampled_from(CODES), st.floats(0, 1, width=32)
        ),
        min_size=1,
        max_size=40,
    ),
    st.floats(0.01, 1),
)
def test_called_and_not_called_cells_are_all_cells(
    rows: list[tuple[str, str, float]], limit: float
) -> None:
    table = predictions(*rows)
    result = evaluate_external(table, MAPPING, min_confidence=limit)
    assert result.matrix.sum() + result.no_calls.right == len(rows) == result.no_calls.cells
    assert sum(result.reasons.values()) == result.no_calls.right
    assert result.agreement.right <= result.lineage.right
    assert result.no_calls.right >= evaluate_external(table, MAPPING).no_calls.right


def test_a_scheme_of_users_own_has_no_lineages() -> None:
    rows = predictions(("big", "round", 0.9), ("big", "long", 0.9))
    result = evaluate_external(rows, {"big": ("round",)})
    assert result.codes == ("long", "round")
    assert result.lineage.cells == 0
    assert result.agreement.value == 0.5


@pytest.mark.parametrize(
    ("table", "mapping", "words"),
    [
        (TABLE, {"myeloblast": ("BLA",)}, "does not map 'neutrophil'"),
        (TABLE, {**MAPPING, "x": ("XYZ",)}, "'XYZ' is not a class"),
        (TABLE.drop("label"), MAPPING, "no column label"),
        (TABLE.drop("predicted"), MAPPING, "no column predicted"),
        (TABLE.with_columns(label=pl.lit(None, pl.String)), MAPPING, "no row"),
    ],
)
def test_what_does_not_fit_is_refused(
    table: pl.DataFrame, mapping: ClassMapping, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        evaluate_external(table, mapping, "map.yaml")


def test_each_laboratory_is_judged_by_itself() -> None:
    # Munich has the blasts: 3 called of 4, 1 agrees, 2 by lineage. Bonn: 2 called of 3, both agree.
    owners = pl.Series("laboratory", ["Munich"] * 4 + ["Bonn"] * 4 + ["Ulm"])
    bonn, munich = evaluate_external(TABLE.with_columns(owners), MAPPING).laboratories
    assert (munich.name, munich.no_calls.right, munich.no_calls.cells) == ("Munich", 1, 4)
    assert (munich.agreement.right, munich.lineage.right, munich.lineage.cells) == (1, 2, 3)
    assert (bonn.agreement.right, bonn.agreement.cells, bonn.no_calls.cells) == (2, 2, 3)
    assert evaluate_external(TABLE, MAPPING).laboratories == ()
