"""What a differential count says in sentences, and when it says nothing."""

import numpy as np
import polars as pl

from marrowscope.differential.differential_count import differential
from marrowscope.differential.export import to_dict
from marrowscope.differential.held_out_answers import (
    HeldOutCounts,
    held_out_from_table,
)
from marrowscope.differential.myeloid_erythroid_ratio import ratio_of_counts
from marrowscope.differential.sentences import ratio_text, sentences
from support.count_rows import cells


def test_a_small_ratio_keeps_two_digits():
    assert ratio_text(ratio_of_counts(3, 490)) == "0.0061 (0.0021 to 0.018)"
    assert ratio_text(ratio_of_counts(0, 100)) == "0.0 (0.0 to 0.038)"
    assert ratio_text(ratio_of_counts(49, 50)) == "0.98 (0.66 to 1.4)"


def test_of_few_cells_no_more_cells_are_promised():
    held_out = held_out_from_table(
        pl.DataFrame(
            {"label": ["BLA"] * 40 + ["NGS"] * 40, "predicted": ["BLA"] * 40 + ["NGS"] * 40}
        ).with_columns(confidence=pl.lit(0.95))
    )
    table = cells(BLA=2, NGS=19).with_columns(confidence=pl.lit(0.95))
    result = differential(table, held_out, replicates=200)
    assert result.decisions
    assert result.corrected_decisions
    said = [line for line in sentences(result) if "interval of the blasts contains" in line]
    assert len(said) == 2
    assert all("21 countable cells are too few to say how many more" in line for line in said)
    data = to_dict(result)
    assert {one["more_cells"] for one in data["open_decisions"]} == {None}
    assert {one["times_as_many_cells"] for one in data["open_decisions_corrected"]} == {None}


def test_a_model_that_knows_no_erythroblasts_gets_no_ratio():
    result = differential(cells(NGS=100), known=["NGS", "BLA"])
    assert result.ratio is None
    assert "EBO" in result.unknown
    said = " ".join(sentences(result))
    assert "No M:E ratio" in said
    assert "Not known to this model" in said
    assert "erythroblast" in said
    assert "mast cells, promonocytes, megakaryocytes" in said


def test_a_model_that_does_not_know_blasts_decides_nothing_about_them():
    result = differential(cells(NGS=20), known=["NGS", "EBO"])
    assert not result.decisions
    assert any("does not know blasts" in line for line in sentences(result))


def test_from_a_few_cells_nothing_is_said_of_how_many_more_would_settle_a_threshold():
    few = differential(cells(BLA=1, NGS=19))
    assert few.decisions
    assert any("20 countable cells are too few to say" in line for line in sentences(few))
    assert not any("at the present share" in line for line in sentences(few))
    more = differential(cells(BLA=6, NGS=94))
    assert any("at the present share" in line for line in sentences(more))


def blasts_from_neutrophils(each, blasts):
    """Held-out answers of a classifier that takes a tenth of the neutrophils for blasts."""
    held_out = HeldOutCounts(
        ("BLA", "NGS"), np.array([[0, 10 * each, 0, 0], [0, each, 0, 9 * each]], dtype=np.int64)
    )
    return differential(cells(BLA=blasts, NGS=1000 - blasts), held_out=held_out)


def test_with_few_held_out_cells_no_number_of_cells_settles_a_corrected_threshold():
    result = blasts_from_neutrophils(each=2, blasts=150)  # true 5.6 %
    by_threshold = {one.threshold: one.factor for one in result.corrected_decisions}
    assert by_threshold[0.05] is None
    assert any("only more held-out cells" in line for line in sentences(result))


def test_with_many_held_out_cells_more_cells_settle_a_corrected_threshold():
    result = blasts_from_neutrophils(each=100_000, blasts=157)  # true 6.3 %, 1,000 cells
    (decision,) = result.corrected_decisions
    # Standard error of the share: √(0.157 · 0.843 / n) / 0.9, which is 1.28 points for 1,000
    # cells; 1.3 points away at 2.2 standard errors takes 4 to 5 times as many.
    assert decision.threshold == 0.05
    assert decision.factor in (4, 8)
    assert any(f"about {decision.factor} times as many" in line for line in sentences(result))
