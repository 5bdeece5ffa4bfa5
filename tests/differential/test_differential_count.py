import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.differential.differential_count import differential
from marrowscope.differential.held_out_answers import (
    HeldOutCounts,
    held_out_from_table,
)
from marrowscope.differential.sentences import sentences
from marrowscope.errors import InputError
from marrowscope.morphology import CLASSES, CODES, CountRole
from support.count_rows import cells, perfect


def entry(result, code):
    return next(one for one in (*result.classes, *result.lineages) if one.code == code)


@pytest.mark.parametrize(
    ("count", "low", "high"), [(100, 16.7, 23.7), (25, 3.4, 7.3), (0, 0.0, 0.8)]
)
def test_intervals_of_500_cells_are_those_of_the_literature(count, low, high):
    result = differential(cells(BLA=count, NGS=500 - count))
    interval = entry(result, "BLA").counted
    assert round(100 * interval.low, 1) == low
    assert round(100 * interval.high, 1) == high
    assert interval.value == count / 500


def test_artefacts_smudge_and_not_classified_cells_are_not_in_the_denominator():
    result = differential(cells(BLA=10, NGS=60, EBO=30, ART=40, KSC=5, NIF=15, OTH=5))
    assert result.tally.countable == 100
    assert result.tally.looked_at == 165
    assert entry(result, "BLA").percent == 10.0
    assert result.tally.excluded == {"KSC": 5, "ART": 40}
    assert result.tally.not_classified == {"OTH": 5, "NIF": 15}
    assert {one.code for one in result.classes} == {
        cell.code for cell in CLASSES if cell.role is CountRole.COUNTED
    }


def test_not_classified_cells_bound_every_class_by_none_and_all_of_them():
    result = differential(cells(BLA=10, NGS=90, NIF=15, OTH=5))
    assert entry(result, "BLA").bounds == (10 / 120, 30 / 120)
    assert entry(result, "EOS").bounds == (0, 20 / 120)
    assert any("20 of 120" in line and "8.3 % or 25.0 %" in line for line in sentences(result))


def test_a_cell_below_the_confidence_threshold_is_not_classified():
    table = pl.concat([cells(0.9, NGS=80, ART=3), cells(0.4, BLA=20, ART=2)])
    result = differential(table, min_confidence=0.5)
    assert result.tally.countable == 80
    assert result.tally.unclassified == 22
    assert entry(result, "BLA").bounds == (0, 22 / 102)


def test_a_confidence_on_the_threshold_is_an_answer():
    assert differential(cells(0.5, NGS=4), min_confidence=0.5).tally.countable == 4


def test_every_row_is_in_exactly_one_part():
    table = cells(BLA=5, NGS=5, NIF=2, ART=3).with_columns(
        touches_border=pl.Series([True, None, *[False] * 13]),
        error=pl.Series([*[None] * 14, "is cut off"], dtype=pl.String),
        predicted=pl.Series(
            ["BLA"] * 5 + [None] + ["NGS"] * 4 + ["NIF"] * 2 + ["ART"] * 3, dtype=pl.String
        ),
    )
    parts = differential(table, flags=["touches_border"]).tally
    assert parts.left_out == {"unreadable": 1, "touches_border": 1, "without prediction": 1}
    total = parts.countable + parts.unclassified + sum(parts.excluded.values())
    assert total == parts.looked_at == 12
    assert total + sum(parts.left_out.values()) == table.height


def test_me_ratio_is_myeloid_with_blasts_and_monocytes_to_erythroid():
    result = differential(cells(BLA=10, NGS=50, MON=10, EOS=5, EBO=20, PEB=5, LYT=99, PLM=7))
    assert result.ratio.value == 75 / 25
    assert result.ratio.low < 3 < result.ratio.high
    assert any("M:E ratio: 3.0" in line for line in sentences(result))


def test_without_erythroblasts_the_ratio_has_a_lower_end_only():
    result = differential(cells(NGS=100), known=["NGS", "EBO"])
    assert math.isinf(result.ratio.value)
    assert math.isinf(result.ratio.high)
    assert 20 < result.ratio.low < 30  # Wilson: 100 of 100 → 0.963, odds 26
    assert any("no erythroblasts" in line for line in sentences(result))


@pytest.mark.parametrize("smear", [{"NGS": 100, "LYT": 40}, {"LYT": 100}])
def test_a_side_without_half_a_cell_makes_no_corrected_ratio(smear):
    # Each class is right in 17 of 20 held-out cells, the others are spread over the neighbours.
    codes = ["NGS", "EBO", "LYT"]
    rows = [
        (code, answer)
        for place, code in enumerate(codes)
        for answer, number in ((code, 34), (codes[place - 1], 3), (codes[place - 2], 3))
        for _ in range(number)
    ]
    held_out = held_out_from_table(
        pl.DataFrame(rows, schema=["label", "predicted"], orient="row").with_columns(
            confidence=pl.lit(0.95)
        )
    )
    table = cells(**smear).with_columns(confidence=pl.lit(0.95))
    ratio = differential(table, held_out, codes, replicates=200).corrected_ratio
    assert not math.isfinite(ratio.value)
    assert math.isinf(ratio.high)


def test_classes_whose_probability_is_always_0_are_not_known():
    table = cells(NGS=2).with_columns(p_NGS=0.6, p_BLA=0.4, p_EBO=0.0)
    result = differential(table)
    assert set(CODES) - set(result.unknown) == {"NGS", "BLA"}


def test_lineages_are_sums_of_their_classes():
    result = differential(cells(BLA=1, NGS=3, EBO=5, PEB=1, LYT=2, PLM=1))
    by_code = {one.code: one for one in result.lineages}
    assert {code: one.count for code, one in by_code.items()} == {
        "myeloid": 4,
        "erythroid": 6,
        "lymphoid": 3,
    }
    erythroid = [one.percent for one in result.classes if one.lineage == "erythroid"]
    assert by_code["erythroid"].percent == pytest.approx(sum(erythroid), abs=1e-9)


def test_no_cells_make_no_percentages():
    result = differential(cells(), held_out=perfect())
    assert all(math.isnan(one.percent) and math.isnan(one.counted.value) for one in result.classes)
    assert (entry(result, "BLA").counted.low, entry(result, "BLA").counted.high) == (0, 1)
    assert entry(result, "BLA").corrected is None
    assert any("no differential count" in line for line in sentences(result))


def test_cells_that_are_all_not_classified_make_no_percentages():
    result = differential(cells(NIF=30, ART=5), held_out=perfect())
    assert result.tally.countable == 0
    assert entry(result, "BLA").bounds == (0, 1)
    assert all(math.isnan(one.percent) for one in result.classes)
    assert not any("interval of the blasts" in line for line in sentences(result))


def test_one_class_only_is_100_per_cent():
    result = differential(cells(EBO=500), held_out=perfect())
    assert entry(result, "EBO").percent == entry(result, "EBO").corrected_percent == 100
    assert entry(result, "EBO").corrected.high == 1
    assert entry(result, "BLA").corrected.low == 0


def test_the_corrected_estimate_of_a_perfect_classifier_is_the_plain_one():
    table = cells(BLA=25, NGS=200, EBO=150, LYT=80, PLM=20, NIF=25, ART=30)
    result = differential(table, held_out=perfect())
    for one in result.classes:
        assert one.corrected.value == pytest.approx(one.counted.value, abs=1e-9)
        assert one.corrected_percent == one.percent
    assert result.corrected_ratio.value == pytest.approx(result.ratio.value)


def test_the_interval_of_a_perfect_classifier_is_about_clopper_pearson_or_a_little_wider():
    result = differential(cells(BLA=25, NGS=475), held_out=perfect(each=10**7))
    interval = entry(result, "BLA").corrected
    # Clopper and Pearson 1934 for 25 of 500: 3.26 to 7.29 per cent.
    assert 0.028 < interval.low < 0.0336
    assert 0.072 < interval.high < 0.077


def test_a_correction_takes_back_known_confusion():
    # A tenth of the neutrophils is taken for blasts, never the other way round.
    held_out = HeldOutCounts(("BLA", "NGS"), np.array([[0, 1000, 0, 0], [0, 100, 0, 900]]))
    result = differential(cells(BLA=140, NGS=360), held_out=held_out)
    assert entry(result, "BLA").counted.value == 0.28
    blasts = entry(result, "BLA").corrected
    assert blasts.value == pytest.approx(0.2, abs=0.002)  # 0.2 + 0.8 · 0.1 = 0.28
    assert blasts.low < 0.2 < blasts.high
    assert [one.threshold for one in result.corrected_decisions] == [0.20]
    assert any("corrected interval of the blasts contains 20 %" in x for x in sentences(result))


def test_a_predicted_class_without_held_out_cells_is_left_as_it_is():
    held_out = HeldOutCounts(
        ("BLA", "NGS", "EBO"),
        np.array([[0, 50, 0, 0, 0, 0], [0, 5, 0, 45, 0, 0], [0, 0, 0, 0, 0, 0]]),
    )
    result = differential(cells(BLA=50, NGS=350, EBO=100), held_out=held_out)
    assert result.uncorrected == ("EBO",)
    assert entry(result, "EBO").corrected.value == pytest.approx(0.2, abs=0.001)
    assert entry(result, "LYT").corrected is None
    assert any("for want of held-out cells: erythroblast" in line for line in sentences(result))


def test_classes_that_get_the_same_answers_come_out_wide_and_never_crash():
    held_out = HeldOutCounts(("BLA", "NGS"), np.array([[0, 50, 0, 50], [0, 50, 0, 50]]))
    result = differential(cells(BLA=50, NGS=50), held_out=held_out)
    blasts = entry(result, "BLA").corrected
    assert blasts.low < 0.2
    assert blasts.high > 0.8


def test_a_held_out_class_that_is_never_predicted_is_estimated_all_the_same():
    # Eosinophils always look like neutrophils, unsure: one cannot say how many there are.
    held_out = HeldOutCounts(("NGS", "EOS"), np.array([[20, 80, 0, 0], [100, 0, 0, 0]]))
    table = pl.concat([cells(0.9, NGS=40), cells(0.3, NGS=60)])
    eosinophils = entry(differential(table, held_out=held_out), "EOS")
    assert eosinophils.count == 0
    assert eosinophils.corrected.value == pytest.approx(0.5, abs=0.02)  # 0.2 · 0.5 + 0.5 unsure


@settings(max_examples=25)
@given(st.lists(st.integers(0, 40), min_size=21, max_size=21), st.integers(0, 2**32 - 1))
def test_order_of_rows_changes_nothing_and_percentages_sum_to_100(numbers, seed):
    table = cells(**dict(zip(CODES, numbers, strict=True)))
    held_out = perfect(each=20)
    one = differential(table, held_out=held_out, replicates=20)
    order = np.random.default_rng(seed).permutation(table.height)
    two = differential(table[order], held_out=held_out, replicates=20)
    if one.tally.countable == 0:
        return
    assert [vars(a) for a in one.classes] == [vars(b) for b in two.classes]
    assert one.ratio == two.ratio or one.ratio is None or math.isnan(one.ratio.value)
    for percents in ([x.percent for x in one.classes], [x.corrected_percent for x in one.classes]):
        assert round(sum(percents), 6) == 100
    for x in one.classes:
        assert abs(x.percent - 100 * x.counted.value) < 0.1
        assert x.counted.low <= x.counted.value <= x.counted.high
        assert 0 <= x.corrected.low <= x.corrected.value <= x.corrected.high <= 1
        assert x.bounds[0] <= x.counted.value <= x.bounds[1] + 1e-12


def test_wrong_tables_are_refused_in_one_line():
    with pytest.raises(InputError, match="has no column predicted"):
        differential(pl.DataFrame({"cell_id": ["1"]}))
    with pytest.raises(InputError, match="has no column confidence"):
        differential(cells(NGS=1).drop("confidence"), min_confidence=0.5)
    with pytest.raises(InputError, match="expected 0 to 1"):
        differential(cells(NGS=1), min_confidence=50)
    with pytest.raises(InputError, match="is not a flag"):
        differential(cells(NGS=1), flags=["confidence"])
    with pytest.raises(InputError, match="does not occur in the held-out answers"):
        differential(cells(NGS=1), held_out=perfect(["BLA", "EBO"]))
    with pytest.raises(InputError, match="not every prediction has a confidence"):
        differential(cells(NGS=1).drop("confidence"), held_out=perfect())
    with pytest.raises(InputError, match="has no column label"):
        held_out_from_table(cells(NGS=1))
    with pytest.raises(InputError, match="no cell has label"):
        held_out_from_table(cells().with_columns(label=pl.lit("NGS")))


def test_a_count_below_its_target_says_how_many_cells_to_expect():
    result = differential(cells(NGS=100, ART=50), target=500)
    assert not result.progress.reached
    assert result.progress.expected == 600
    assert differential(cells(NGS=500)).progress.reached


def test_nothing_is_said_to_be_unknown_where_nothing_is_known_of_the_model():
    assert differential(cells(NGS=5)).unknown == ()


def test_a_table_in_which_no_cell_could_be_predicted_is_no_count():
    table = pl.DataFrame(
        {"cell_id": ["1", "2"], "predicted": [None, None], "confidence": [None] * 2}
    )
    result = differential(table, held_out=perfect(), min_confidence=0.5)
    assert result.tally.left_out == {"without prediction": 2}
    assert result.tally.looked_at == 0


def test_classes_of_a_scheme_of_ones_own_are_counted():
    result = differential(cells(NGS=60, mast=40))
    assert entry(result, "mast").percent == 40
    assert entry(result, "other").count == 40
