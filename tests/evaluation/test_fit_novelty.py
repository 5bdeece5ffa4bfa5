"""Held-out answers give means, spread and limit; cells of another kind lie beyond it."""

import numpy as np
import pytest

from marrowscope.errors import InputError
from marrowscope.evaluation.fit_novelty import fit_novelty, too_few
from marrowscope.models.novelty import Novelty

KNOWN = ("BLA", "LYT", "EOS")
# Where logits of the classes lie; of a class that the model was never shown between all of them.
CENTRES = np.array([[5.0, 1.0, -2.0], [-1.0, 5.0, 0.0], [-2.0, -1.0, 5.0]])


def answers(centres: np.ndarray, each: int, seed: int) -> np.ndarray:
    logits = np.repeat(centres, each, axis=0)
    logits = logits + np.random.default_rng(seed).normal(0, 0.7, logits.shape)
    shares = np.exp(logits)
    return shares / shares.sum(axis=1, keepdims=True)


def fitted(each: int = 200, seed: int = 0, kept: float = 0.95) -> Novelty:
    truth = np.repeat(np.arange(3), each)
    names = [f"cell {row}" for row in range(len(truth))]
    found = fit_novelty(answers(CENTRES, each, seed), truth, names, KNOWN, kept)
    assert found is not None
    return found


def novel_share(novelty: Novelty, values: np.ndarray) -> float:
    return float(novelty.is_novel(novelty.scores(values.astype(np.float32))).mean())


def test_new_cells_of_known_classes_are_kept_as_often_as_promised() -> None:
    shares = [
        novel_share(fitted(seed=seed), answers(CENTRES, 1000, 50 + seed)) for seed in range(5)
    ]
    assert np.mean(shares) == pytest.approx(0.05, abs=0.015)


def test_answers_that_fit_no_class_are_novel() -> None:
    between = np.array([[2.0, 2.0, 2.0]])
    assert novel_share(fitted(), answers(between, 300, 7)) > 0.9
    # Sure of a class, but of no other one to the degree that its cells are.
    odd = np.array([[5.0, -3.0, 3.5]])
    assert novel_share(fitted(), answers(odd, 300, 7)) > 0.9


def test_the_order_of_the_cells_does_not_matter() -> None:
    truth = np.repeat(np.arange(3), 60)
    values = answers(CENTRES, 60, 3)
    names = [f"cell {row}" for row in range(180)]
    turned = np.random.default_rng(1).permutation(180)
    one = fit_novelty(values, truth, names, KNOWN, 0.95)
    other = fit_novelty(values[turned], truth[turned], [names[k] for k in turned], KNOWN, 0.95)
    assert one is not None
    assert other is not None
    assert one.limit == pytest.approx(other.limit, rel=1e-9)
    np.testing.assert_allclose(one.precisions, other.precisions, rtol=1e-6, atol=1e-9)


def test_classes_whose_answers_are_all_the_same_still_have_a_spread() -> None:
    truth = np.repeat(np.arange(3), 40)
    same = answers(CENTRES, 1, 0)[truth]
    found = fit_novelty(same, truth, [str(row) for row in range(120)], KNOWN)
    assert found is not None
    assert np.isfinite(found.precisions).all()
    assert novel_share(found, same) == 0


def test_too_few_cells_are_said_and_nothing_is_fitted() -> None:
    labels = ["BLA"] * 60 + ["LYT"] * 60 + ["EOS"] * 9
    said = too_few(labels, KNOWN, 0.99)
    assert said is not None
    assert said.startswith("fewer than 10 held-out cells of EOS: ")
    truth = np.array([KNOWN.index(code) for code in labels])
    values = answers(CENTRES, 1, 0)[truth]
    assert fit_novelty(values, truth, labels, KNOWN) is None
    # Of 98 cells the largest score is exceeded with a probability of 1/99, which is more than 1 %.
    assert "98 held-out cells are too few" in str(too_few((["BLA", "LYT"] * 49), KNOWN[:2], 0.99))
    assert too_few(["BLA", "LYT"] * 50, KNOWN[:2], 0.99) is None


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="`kept`"):
        too_few(["BLA"] * 20, KNOWN, share)
