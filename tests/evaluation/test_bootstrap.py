"""Bootstrap over cells or patients: how wide intervals are, and how often they hold the truth."""

import numpy as np

from marrowscope.evaluation.bootstrap import bootstrap_intervals, resampled_matrices


def test_intervals_cover_the_true_accuracy_about_95_times_in_100() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for seed in range(300):
        truth = random.integers(0, 3, 120)
        predicted = np.where(random.random(120) < 0.8, truth, (truth + 1) % 3)
        draws = resampled_matrices(truth, predicted, 3, 300, seed)
        low, high = bootstrap_intervals(draws, np.eye(3, dtype=bool), ("accuracy",))["accuracy"]
        covered += bool(low <= 0.8 <= high)
    assert 0.91 <= covered / 300 <= 0.985


def test_intervals_of_dependent_cells_are_wider_when_patients_are_known() -> None:
    random = np.random.default_rng(0)
    patients = np.repeat(np.arange(20), 30)
    skill = random.uniform(0.4, 1.0, 20)[patients]
    truth = random.integers(0, 2, 600)
    predicted = np.where(random.random(600) < skill, truth, 1 - truth)
    width = []
    for groups in (None, [str(p) for p in patients]):
        draws = resampled_matrices(truth, predicted, 2, 1000, 0, groups)
        assert draws.shape == (1000, 2, 2)
        low, high = bootstrap_intervals(draws, np.eye(2, dtype=bool), ("accuracy",))["accuracy"]
        width.append(float(high - low))
    assert width[1] > 1.5 * width[0]


def test_drawing_whole_groups_equals_adding_up_their_matrices() -> None:
    # Two groups that never mix: every resample is 0, 1 or 2 times each, in whole.
    truth, predicted = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    groups = ["a", "a", "b", "b", "b"]
    a, b = np.array([[1, 1], [0, 0]]), np.array([[0, 0], [1, 2]])
    draws = resampled_matrices(truth, predicted, 2, 200, 0, groups)
    kinds = {draw.tobytes() for draw in draws}
    assert kinds == {matrix.astype(np.int64).tobytes() for matrix in (2 * a, a + b, 2 * b)}


def test_a_group_for_every_cell_is_like_independent_cells() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 2000)
    predicted = np.where(random.random(2000) < 0.8, truth, random.integers(0, 3, 2000))
    ends = []
    for groups in (None, [str(k) for k in range(2000)]):
        draws = resampled_matrices(truth, predicted, 3, 1000, 0, groups)
        ends.append(bootstrap_intervals(draws, np.eye(3, dtype=bool), ("accuracy",))["accuracy"])
    np.testing.assert_allclose(ends[0], ends[1], atol=0.004)
