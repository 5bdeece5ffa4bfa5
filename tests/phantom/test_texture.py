"""Noise has its mean and grain; granules stay where they may."""

import numpy as np

from marrowscope.phantom.texture import chromatin, noise, random_places, scatter


def test_noise_has_mean_0_and_deviation_near_1_and_is_smooth() -> None:
    field = noise((400, 400), 1.0, 0.1, np.random.default_rng(0))
    assert abs(field.mean()) < 0.1
    assert 0.75 < field.std() < 1.25
    assert np.abs(np.diff(field, axis=1)).mean() < 0.2 * field.std()  # 10 px to a grain
    coarse = noise((400, 400), 4.0, 0.1, np.random.default_rng(0))
    assert np.abs(np.diff(coarse)).mean() < np.abs(np.diff(field)).mean()


def test_granules_lie_around_allowed_places() -> None:
    allowed = np.zeros((100, 100), bool)
    allowed[40:60, 40:60] = True
    field = scatter(allowed, 200, 0.2, 0.1, np.random.default_rng(0))
    assert field.max() > 0.4
    assert field[:30].max() == 0
    assert field[:, 75:].max() == 0


def test_places_lie_in_the_image() -> None:
    places = random_places((20, 50), 1000, np.random.default_rng(0))
    assert places.min() >= 0
    assert places[:, 0].max() < 50
    assert places[:, 1].max() < 20


def test_chromatin_is_denser_at_the_rim_and_never_gone() -> None:
    depth = np.tile(np.linspace(0, 4, 80, dtype=np.float32), (80, 1))
    field = chromatin(depth, (40, 40), 0.5, 0.0, 0.0, 0.5, 0.0, 0.1, np.random.default_rng(0))
    assert field[:, 0].mean() > 1.4
    assert abs(field[:, -1].mean() - 1) < 0.01
    rough = chromatin(depth, (40, 40), 0.5, 5.0, 0.5, 0.0, 0.5, 0.1, np.random.default_rng(0))
    assert rough.min() >= 0.15 - 1e-6
