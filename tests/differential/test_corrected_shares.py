"""The corrected interval covers the truth as often as it says, on simulated smears."""

import numpy as np
import pytest

from marrowscope.differential.corrected_shares import correct_shares, share_intervals
from marrowscope.differential.count_roles import role
from marrowscope.differential.held_out_answers import HeldOutCounts
from marrowscope.morphology import CLASSES, CODES, TOLERATED, CountRole

SMEARS, CELLS, REPLICATES = 200, 600, 200
NORMAL = {
    "BLA": 1.5, "PMO": 4, "MYB": 9, "MMZ": 10, "NGB": 11, "NGS": 15, "EOS": 2.5, "BAS": 0.3,
    "MON": 2, "PEB": 1, "EBO": 19, "LYI": 0.3, "LYT": 10, "HAC": 0.1, "PLM": 1.3, "KSC": 2,
    "OTH": 0.5, "ART": 6, "NIF": 4.5,
}  # fmt: skip
AMONG = np.array([role(code) is CountRole.COUNTED for code in CODES])
# Held out: a fifth of the study's images, at most 400, at least 2.
HELD = [max(2, min(400, cell.published_images // 5)) for cell in CLASSES]


def true_rates():
    """P(answer | class): the recalls of the study, mistakes mostly among tolerated pairs."""
    rates = np.zeros((21, 42))
    for row, cell in enumerate(CLASSES):
        recall = cell.published.strict_recall[0]
        wrong = np.full(21, 0.02)
        for other, code in enumerate(CODES):
            if frozenset({cell.code, code}) in TOLERATED or code == "NIF":
                wrong[other] = 1.0
        wrong[row] = 0
        answer = (1 - recall) * wrong / wrong.sum()
        answer[row] = recall
        sure = np.full(21, 0.35)
        sure[row] = 0.8
        rates[row, 0::2], rates[row, 1::2] = answer * (1 - sure), answer * sure
    return rates


def shares_of(fixed):
    rest = {code: NORMAL.get(code, 0) for code in CODES if code not in fixed}
    scale = (100 - sum(fixed.values())) / sum(rest.values())
    return np.array([fixed.get(code, rest.get(code, 0) * scale) for code in CODES]) / 100


@pytest.mark.parametrize(
    "fixed",
    [{}, {"BLA": 4.4}, {"BLA": 17.7}, {"EOS": 30, "BAS": 1.5}],
    ids=["normal", "5 % blasts", "20 % blasts", "eosinophilia"],
)
def test_nominal_95_per_cent_cover_at_least_93_for_every_class_of_1_per_cent(fixed):
    random = np.random.default_rng(12)
    rates, shares = true_rates(), shares_of(fixed)
    truth = np.where(AMONG, shares, 0) / shares[AMONG].sum()
    members = np.eye(21, dtype=bool) & AMONG
    hits, plain = [], []
    for seed in range(SMEARS):  # one seed for all would make their errors alike
        held_out = HeldOutCounts(CODES, random.multinomial(HELD, rates))
        answers = random.multinomial(CELLS, shares @ rates)
        estimate = correct_shares(answers, held_out, REPLICATES, seed)
        _, low, high = share_intervals(estimate, members, AMONG, seed)
        hits.append((low <= truth) & (truth <= high))
        predicted = np.where(AMONG, answers[0::2] + answers[1::2], 0)
        error = 2 * np.sqrt(truth * (1 - truth) / CELLS) + 0.002
        plain.append(np.abs(predicted / predicted.sum() - truth) < error)
    wanted = AMONG & (truth >= 0.01)
    covered = np.mean(hits, axis=0)[wanted]
    assert covered.min() >= 0.93, dict(zip(np.array(CODES)[wanted], covered, strict=True))
    # The bar would mean nothing where the plain count already met it, or for endless intervals.
    assert np.mean(plain, axis=0)[wanted].min() < 0.8


def test_more_cells_and_more_held_out_cells_each_make_the_interval_narrower():
    rates, shares = true_rates(), shares_of({})
    blasts = np.array([[code == "BLA" for code in CODES]])

    def width(cells, held):
        held_out = HeldOutCounts(CODES, np.round(rates * held).astype(int))
        estimate = correct_shares(np.round(shares @ rates * cells).astype(int), held_out)
        _, low, high = share_intervals(estimate, blasts, AMONG)
        return (high - low)[0]

    base = width(10_000, 1000)
    assert width(40_000, 1000) < 0.9 * base
    assert width(10_000, 100_000) < 0.9 * base
    # What the held-out cells do not tell, no number of counted cells brings back.
    assert width(10**7, 1000) > 0.2 * base


def test_with_endless_cells_the_true_shares_come_back():
    rates, shares = true_rates(), shares_of({"BLA": 4.4})
    held_out = HeldOutCounts(CODES, np.round(rates * 10**9).astype(np.int64))
    answers = np.round(shares @ rates * 10**9).astype(np.int64)
    estimate = correct_shares(answers, held_out, replicates=200)
    np.testing.assert_allclose(estimate.shares, shares, atol=1e-4)
    _, low, high = share_intervals(estimate, np.eye(21, dtype=bool) & AMONG, AMONG)
    assert (high - low).max() < 1e-3


def test_the_seed_decides_the_interval_and_nothing_else():
    rates, shares = true_rates(), shares_of({})
    held_out = HeldOutCounts(CODES, np.round(rates * 100).astype(int))
    answers = np.round(shares @ rates * 600).astype(int)
    one, same, other = (correct_shares(answers, held_out, 50, seed) for seed in (1, 1, 2))
    assert (one.replicates == same.replicates).all()
    assert (one.replicates != other.replicates).any()
    assert (one.shares == other.shares).all()
