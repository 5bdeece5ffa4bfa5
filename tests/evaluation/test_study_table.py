"""The study's Table 1: published totals, and ours beside them."""

import pytest

from marrowscope.evaluation.study_table import published_totals


def test_published_totals_are_those_computed_from_table_1() -> None:
    found = published_totals()
    strict = {
        "macro_f1": 0.545,
        "balanced_accuracy": 0.689,
        "accuracy": 0.726,
        "weighted_f1": 0.748,
    }
    tolerant = {
        "macro_f1": 0.645, "balanced_accuracy": 0.762, "accuracy": 0.805, "weighted_f1": 0.822,
    }  # fmt: skip
    assert found["strict"] == pytest.approx(strict, abs=6e-4)
    assert found["tolerant"] == pytest.approx(tolerant, abs=6e-4)
