"""Draws: pure, uniform, within their ranges."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from marrowscope.augment import AugmentationSettings, draw_parameters
from marrowscope.augment.augmentation_parameters import density_map, uniforms
from marrowscope.errors import InputError
from marrowscope.stain import default_stain


def test_a_draw_depends_only_on_seed_epoch_and_position() -> None:
    whole = draw_parameters(AugmentationSettings(), 3, 5, np.arange(100))
    part = draw_parameters(AugmentationSettings(), 3, 5, np.array([97, 2]))
    assert torch.equal(part.sampling, whole.sampling[[97, 2]])
    assert torch.equal(part.stain_scale, whole.stain_scale[[97, 2]])


@pytest.mark.parametrize("other", [(4, 5), (3, 6)])
def test_another_seed_or_epoch_gives_other_draws(other: tuple[int, int]) -> None:
    one = uniforms(3, 5, np.arange(50), 4)
    two = uniforms(*other, np.arange(50), 4)
    assert (one != two).all()


def test_uniforms_are_uniform_and_columns_are_uncorrelated() -> None:
    numbers = uniforms(0, 0, np.arange(200_000), 6)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    # Four standard errors of a mean, of a decile count and of a correlation.
    assert np.abs(numbers.mean(0) - 0.5).max() < 4 * 0.2887 / np.sqrt(200_000)
    counts = np.stack([np.histogram(column, 10, (0, 1))[0] for column in numbers.T])
    assert np.abs(counts - 20_000).max() < 4.5 * np.sqrt(20_000 * 0.9)
    correlation = np.corrcoef(numbers.T) - np.eye(6)
    assert np.abs(correlation).max() < 4.5 / np.sqrt(200_000)


def test_consecutive_positions_are_uncorrelated() -> None:
    column = uniforms(0, 0, np.arange(200_000), 1)[:, 0]
    assert abs(np.corrcoef(column[:-1], column[1:])[0, 1]) < 4.5 / np.sqrt(200_000)


def test_ranges_are_those_of_the_study() -> None:
    drawn = draw_parameters(AugmentationSettings(), 0, 0, np.arange(20_000))
    assert 0.8 <= drawn.stain_scale.min() < 0.801
    assert 1.199 < drawn.stain_scale.max() <= 1.2
    assert -0.2 <= drawn.stain_shift.min() < -0.199
    assert drawn.light.abs().max() == 0
    forward = np.linalg.inv(
        np.concatenate(
            [drawn.sampling.double().numpy(), np.tile([[[0, 0, 1.0]]], (20_000, 1, 1))], 1
        )
    )
    shift = forward[:, :2, 2] / 2  # share of the side
    assert 0.249 < np.abs(shift).max() <= 0.25 + 1e-6
    # No zoom: flips, rotation and shear keep the area.
    np.testing.assert_allclose(np.abs(np.linalg.det(forward)), 1, atol=1e-5)
    # All four combinations of the two flips, a quarter each; a mirror changes the sign.
    assert np.mean(np.linalg.det(forward) < 0) == pytest.approx(0.5, abs=0.02)


def test_without_ranges_nothing_changes() -> None:
    still = AugmentationSettings(0, False, False, 0, 0, 0, 0, 0, 0)
    drawn = draw_parameters(still, 0, 0, np.arange(5))
    assert torch.equal(drawn.sampling, torch.eye(3)[:2].expand(5, 2, 3))
    assert (drawn.stain_scale == 1).all()
    assert (drawn.stain_shift == 0).all()


@given(st.integers(0, 2**63 - 1), st.integers(0, 10**6))
def test_any_seed_and_epoch_give_invertible_finite_maps(seed: int, epoch: int) -> None:
    drawn = draw_parameters(AugmentationSettings(zoom=0.5), seed, epoch, np.arange(8))
    assert torch.isfinite(drawn.sampling).all()
    assert (torch.linalg.det(drawn.sampling[:, :, :2]).abs() > 0.1).all()


@pytest.mark.parametrize("wrong", [{"shift": 0.7}, {"stain_scale": -0.1}, {"fill": "black"}])
def test_a_range_that_makes_no_sense_is_refused_by_name(wrong: dict) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        AugmentationSettings(**wrong)


def random_stains(count: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    base = default_stain().reshape(2, 3) + random.uniform(-0.1, 0.1, (count, 2, 3))
    return (base / np.linalg.norm(base, axis=2, keepdims=True)).reshape(count, 6).astype(np.float32)


def test_the_density_map_never_asks_a_gpu_for_an_answer() -> None:
    # What such a question is made of can be seen on any device.
    class Asked(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            name = str(func)
            assert not any(word in name for word in ("check_errors", "local_scalar", "nonzero"))
            return func(*args, **(kwargs or {}))

    drawn = draw_parameters(AugmentationSettings(), 0, 0, np.arange(4))
    with Asked():
        density_map(torch.from_numpy(random_stains(4)), drawn)


def test_nearly_parallel_stains_are_mapped_as_exactly_as_others() -> None:
    first = np.array([0.65, 0.70, 0.29]) / np.linalg.norm([0.65, 0.70, 0.29])
    second = first + np.array([0.0, 0.02, 0.0])
    stain = np.concatenate((first, second / np.linalg.norm(second))).astype(np.float32)
    drawn = draw_parameters(AugmentationSettings(), 0, 0, np.arange(1))
    colour, offset = density_map(torch.from_numpy(stain[None]), drawn)
    h, e = stain.astype(np.float64).reshape(2, 3)
    matrix = np.stack([h, e, np.cross(h, e) / np.linalg.norm(np.cross(h, e))], axis=1)
    scale = np.diag([*drawn.stain_scale[0].double().numpy(), 1.0])
    shift = np.array([*drawn.stain_shift[0].double().numpy(), 0.0])
    expected = matrix @ scale @ np.linalg.inv(matrix)
    np.testing.assert_allclose(colour[0].numpy(), expected, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(offset[0].numpy(), matrix @ shift, rtol=1e-6, atol=1e-6)


def test_what_is_drawn_in_one_stain_can_be_shown_in_another() -> None:
    own, other = random_stains(2, seed=3)
    drawn = draw_parameters(AugmentationSettings(stain_scale=0, stain_shift=0), 0, 0, np.arange(1))
    colour, offset = density_map(torch.from_numpy(own[None]), drawn, torch.from_numpy(other[None]))
    amounts = np.array([0.7, 0.2])
    density = amounts @ own.reshape(2, 3)
    shown = colour[0].double().numpy() @ density + offset[0].double().numpy()
    np.testing.assert_allclose(shown, amounts @ other.reshape(2, 3), atol=1e-6)
