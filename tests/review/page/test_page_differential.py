"""The count that the page shows at once is the one that the server and the report compute."""

from typing import Any

import numpy as np
import pytest

from marrowscope.differential.count_roles import lineage_codes, role
from marrowscope.differential.decision_thresholds import open_decisions
from marrowscope.differential.myeloid_erythroid_ratio import ratio_of_counts
from marrowscope.differential.rounding import largest_remainder
from marrowscope.morphology import CLASSES, CODES, CountRole, Lineage
from marrowscope.scoring import wilson_interval
from support.page_modules import PageModules

MODULE = "logic/differential.js"
COUNTED = [code for code in CODES if role(code) is CountRole.COUNTED]
FIRST = CODES[0]
VOCABULARY = {
    "classes": [
        {"code": one.code, "lineage": one.lineage.value, "role": one.role.value} for one in CLASSES
    ],
    "unidentified": "?",
    "blasts": [FIRST],
    "decisions": [0.05, 0.1, 0.2],
}


def of_page(modules: PageModules, counts: list[dict[str, int]]) -> list[dict[str, Any]]:
    body = """return counts.map((one) => module.differential(
        { classes: new Map(Object.entries(one)), unsure: 2 }, vocabulary));"""
    found: list[dict[str, Any]] = modules.run(MODULE, body, counts=counts, vocabulary=VOCABULARY)
    return found


@pytest.fixture(scope="module")
def counts() -> list[dict[str, int]]:
    rng = np.random.default_rng(0)
    drawn = [rng.multinomial(500, rng.dirichlet(np.full(len(CODES), 0.3))) for _ in range(100)]
    return [dict(zip(CODES, map(int, one), strict=True)) for one in drawn]


def test_shares_and_intervals_are_those_of_the_report(
    modules: PageModules, counts: list[dict[str, int]]
) -> None:
    for given, found in zip(counts, of_page(modules, counts), strict=True):
        numbers = np.array([given[code] for code in COUNTED])
        low, high = wilson_interval(numbers, np.full(len(COUNTED), numbers.sum()))
        assert found["countable"] == numbers.sum()
        assert [one["code"] for one in found["classes"]] == COUNTED
        assert [one["percent"] for one in found["classes"]] == largest_remainder(numbers).tolist()
        assert [one["low"] for one in found["classes"]] == pytest.approx(100 * low)
        assert [one["high"] for one in found["classes"]] == pytest.approx(100 * high)


def test_ratio_and_open_decisions_are_those_of_the_report(
    modules: PageModules, counts: list[dict[str, int]]
) -> None:
    for given, found in zip(counts, of_page(modules, counts), strict=True):
        over, under = (
            sum(given[code] for code in lineage_codes(side, CODES))
            for side in (Lineage.MYELOID, Lineage.ERYTHROID)
        )
        ratio = ratio_of_counts(over, under)
        for name in ("value", "low", "high"):
            expected = getattr(ratio, name)
            shown = found["me"][name]
            assert shown == pytest.approx(expected) if np.isfinite(expected) else shown is None
        decisions = open_decisions(given[FIRST], found["countable"])
        assert [(one["threshold"], one["more"]) for one in found["blasts"]["decisions"]] == [
            (pytest.approx(100 * one.threshold), None if one.practically_never else one.more)
            for one in decisions
        ]


def test_what_is_not_told_is_not_counted(modules: PageModules) -> None:
    excluded = next(code for code in CODES if role(code) is CountRole.EXCLUDED)
    no_call = next(code for code in CODES if role(code) is CountRole.NOT_CLASSIFIED)
    given = {FIRST: 3, excluded: 4, no_call: 5, "?": 6}
    found = of_page(modules, [given])[0]
    assert found["countable"] == 3
    assert found["excluded"] == 4
    assert found["notClassified"] == 5 + 6 + 2  # two without any answer


def test_a_class_of_another_scheme_is_counted_in_no_lineage(modules: PageModules) -> None:
    found = of_page(modules, [{FIRST: 1, "Sézary": 1}])[0]
    assert {one["code"]: one["percent"] for one in found["classes"] if one["count"]} == {
        FIRST: 50.0,
        "Sézary": 50.0,
    }
    assert found["me"]["value"] is None  # nothing erythroid


def test_an_empty_count_has_no_share(modules: PageModules) -> None:
    found = of_page(modules, [{}])[0]
    assert found["blasts"]["percent"] is None
    assert found["blasts"]["decisions"] == []
    assert found["me"] == {"value": None, "low": 0, "high": None}
