import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from marrowscope.differential.prevalence_estimation import (
    constrained_inversion,
    maximum_likelihood,
    project_onto_simplex,
    saerens_em,
)


def random_problem(seed, classes=6, answers=12):
    random = np.random.default_rng(seed)
    rates = random.dirichlet(np.full(answers, 0.3), size=classes)
    rates[:, :classes] += np.eye(classes)
    rates /= rates.sum(axis=1, keepdims=True)
    return rates, random.dirichlet(np.ones(classes))


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_without_noise_the_true_shares_come_back(seed):
    rates, truth = random_problem(seed)
    observed = truth @ rates
    assert np.abs(constrained_inversion(observed, rates, steps=3000) - truth).max() < 1e-3
    assert np.abs(maximum_likelihood(observed, rates, tolerance=1e-10) - truth).max() < 1e-3


@pytest.mark.parametrize("seed", range(6))
def test_maximum_likelihood_is_that_of_a_general_optimizer(seed):
    rates, truth = random_problem(seed, classes=4, answers=8)
    counts = np.random.default_rng(seed).multinomial(200, truth @ rates).astype(float)

    def negative(free):
        shares = np.append(free, 1 - free.sum())
        return -counts @ np.log(np.maximum(shares @ rates, 1e-12))

    best = minimize(
        negative,
        np.full(3, 0.25),
        method="SLSQP",
        bounds=[(0, 1)] * 3,
        constraints={"type": "ineq", "fun": lambda free: 1 - free.sum()},
        options={"ftol": 1e-12, "maxiter": 500},
    )
    ours = maximum_likelihood(counts, rates, tolerance=1e-10)
    assert negative(ours[:3]) <= best.fun + 1e-6
    assert np.abs(ours[:3] - best.x).max() < 2e-3


@pytest.mark.parametrize("seed", range(4))
def test_least_squares_is_that_of_a_general_optimizer(seed):
    rates, truth = random_problem(seed, classes=4, answers=8)
    observed = np.random.default_rng(seed).multinomial(50, truth @ rates) / 50

    def loss(shares):
        return ((shares @ rates - observed) ** 2).sum()

    best = minimize(
        loss,
        np.full(4, 0.25),
        method="SLSQP",
        bounds=[(0, 1)] * 4,
        constraints={"type": "eq", "fun": lambda shares: shares.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert loss(constrained_inversion(observed, rates, steps=3000)) <= best.fun + 1e-9


def test_replicates_are_computed_as_if_alone():
    problems = [random_problem(seed) for seed in range(5)]
    rates = np.array([one for one, _ in problems])
    observed = np.array([truth @ one for one, truth in problems])
    together = maximum_likelihood(observed, rates)
    alone = [maximum_likelihood(o, r) for o, r in zip(observed, rates, strict=True)]
    np.testing.assert_allclose(together, alone, atol=1e-9)
    np.testing.assert_allclose(
        constrained_inversion(observed, rates),
        [constrained_inversion(o, r) for o, r in zip(observed, rates, strict=True)],
        atol=1e-9,
    )


def test_two_classes_with_the_same_answers_keep_the_ratio_of_the_start():
    rates = np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    shares = maximum_likelihood(np.array([30.0, 30, 40]), rates, start=np.array([3.0, 1, 1]))
    np.testing.assert_allclose(shares, [0.45, 0.15, 0.4], atol=1e-6)


def test_saerens_finds_the_prior_behind_calibrated_probabilities():
    # Two normal densities; posteriors at equal priors are exact, the smear has 80 to 20.
    random = np.random.default_rng(0)
    cells = 200_000
    second = random.random(cells) < 0.2
    x = random.normal(np.where(second, 1.0, -1.0))
    posterior = 1 / (1 + np.exp(-2 * x))
    shares = saerens_em(np.column_stack([1 - posterior, posterior]), np.array([0.5, 0.5]))
    np.testing.assert_allclose(shares, [0.8, 0.2], atol=0.005)


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8))
def test_the_nearest_point_of_the_simplex_is_one_and_no_vertex_is_nearer(values):
    point = np.array(values)
    near = project_onto_simplex(point)
    assert near.min() >= 0
    assert near.sum() == pytest.approx(1)
    # Optimality: the residue makes no acute angle with any direction into the simplex.
    for vertex in np.eye(len(point)):
        assert (point - near) @ (vertex - near) <= 1e-9
