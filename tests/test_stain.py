"""Optical density and the Macenko estimate, on images whose stains are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope import stain

HAEMATOXYLIN = np.array([0.68, 0.70, 0.22]) / np.linalg.norm([0.68, 0.70, 0.22])
EOSIN = np.array([0.20, 0.95, 0.24]) / np.linalg.norm([0.20, 0.95, 0.24])


def two_stain_image(
    first: np.ndarray, second: np.ndarray, seed: int = 0, side: int = 80
) -> np.ndarray:
    """An image of known stains: pure patches of each, mixtures, and empty background."""
    random = np.random.default_rng(seed)
    share = random.beta(0.35, 0.35, (side, side))
    amount = random.uniform(0.4, 1.6, (side, side))
    amount[: side // 4] = 0.0  # background
    density = (amount * share)[..., None] * first + (amount * (1 - share))[..., None] * second
    return np.round(255 * np.exp(-density)).clip(0, 255).astype(np.uint8)


def degrees(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def reference_macenko(image: np.ndarray) -> np.ndarray:
    """A plain float64 transcription of the method, one step a line."""
    density = -np.log(np.maximum(image.astype(np.float64), 1) / 255).reshape(-1, 3)
    keep = (density >= 0.15).all(1) & (image.reshape(-1, 3) > 0).all(1)
    density = density[keep]
    _, _, axes = np.linalg.svd(density - density.mean(0), full_matrices=False)
    plane = axes[:2].T * np.where(density.mean(0) @ axes[:2].T < 0, -1, 1)
    angles = np.arctan2(*(density @ plane).T[::-1])
    vectors = []
    for percentile in (1, 99):
        angle = np.percentile(angles, percentile)
        vector = np.maximum(plane @ np.array([np.cos(angle), np.sin(angle)]), 0)
        vectors.append(vector / np.linalg.norm(vector))
    vectors.sort(key=lambda v: -v[0] / v.sum())
    return np.concatenate(vectors)


def test_optical_density_of_white_is_zero_and_of_one_over_e_is_one() -> None:
    image = np.array([[[255, round(255 / np.e), 0]]], dtype=np.uint8)
    density = stain.optical_density(image)[0, 0]
    assert density[0] == 0
    assert density[1] == pytest.approx(1, abs=0.01)
    assert density[2] == pytest.approx(np.log(255))  # black stays finite


def test_default_stain_is_two_unit_vectors_with_haematoxylin_first() -> None:
    first, second = stain.default_stain().reshape(2, 3)
    assert np.linalg.norm(first) == pytest.approx(1, abs=1e-4)
    assert np.linalg.norm(second) == pytest.approx(1, abs=1e-4)
    assert first[0] / first.sum() > second[0] / second.sum()


def test_known_stains_are_found_within_three_degrees() -> None:
    found = stain.estimate_stain(two_stain_image(HAEMATOXYLIN, EOSIN)).reshape(2, 3)
    assert degrees(found[0], HAEMATOXYLIN) < 3
    assert degrees(found[1], EOSIN) < 3


@given(
    seed=st.integers(0, 10_000),
    swap=st.booleans(),
    red_h=st.floats(0.55, 0.75),
    red_e=st.floats(0.05, 0.30),
)
@settings(max_examples=40, deadline=None)
def test_stains_never_swap(seed: int, swap: bool, red_h: float, red_e: float) -> None:
    first = np.array([red_h, 0.65, 0.30])
    second = np.array([red_e, 0.90, 0.25])
    first, second = first / np.linalg.norm(first), second / np.linalg.norm(second)
    image = two_stain_image(second, first, seed) if swap else two_stain_image(first, second, seed)
    found = stain.estimate_stain(image).reshape(2, 3)
    assert degrees(found[0], first) < degrees(found[0], second)
    assert degrees(found[1], second) < degrees(found[1], first)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_agrees_with_a_plain_float64_transcription(seed: int) -> None:
    image = two_stain_image(HAEMATOXYLIN, EOSIN, seed)
    np.testing.assert_allclose(stain.estimate_stain(image), reference_macenko(image), atol=2e-3)


@pytest.mark.parametrize("value", [0, 1, 128, 235, 255])
def test_constant_patches_fall_back_to_the_default(value: int) -> None:
    image = np.full((64, 64, 3), value, dtype=np.uint8)
    assert stain.is_default(stain.estimate_stain(image))


def test_a_coloured_constant_patch_falls_back() -> None:
    image = np.zeros((64, 64, 3), dtype=np.uint8) + np.array([90, 40, 140], dtype=np.uint8)
    assert stain.is_default(stain.estimate_stain(image))


def test_a_nearly_unstained_patch_falls_back() -> None:
    image = np.full((100, 100, 3), 240, dtype=np.uint8)
    image[:5, :5] = (120, 60, 160)  # 0.25 % of the pixels
    assert stain.is_default(stain.estimate_stain(image))


def test_a_single_stain_falls_back() -> None:
    amount = np.linspace(0.3, 1.5, 64 * 64).reshape(64, 64, 1)
    image = np.round(255 * np.exp(-amount * HAEMATOXYLIN)).astype(np.uint8)
    assert stain.is_default(stain.estimate_stain(image))


def test_white_image_with_noise_falls_back() -> None:
    noise = np.random.default_rng(0).integers(245, 256, (64, 64, 3), dtype=np.uint8)
    assert stain.is_default(stain.estimate_stain(noise))


@given(st.integers(0, 2**32 - 1), st.sampled_from(["noise", "dark", "sparse", "grey"]))
@settings(max_examples=60, deadline=None)
def test_any_image_gives_finite_non_negative_unit_vectors(seed: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (24, 31, 3), dtype=np.uint8)
    if kind == "dark":
        image //= 64
    elif kind == "sparse":
        image = np.where(random.random((24, 31, 1)) < 0.95, 250, image).astype(np.uint8)
    elif kind == "grey":
        image = np.repeat(image[..., :1], 3, axis=2)
    found = stain.estimate_stain(image)
    assert found.dtype == np.float32
    assert (found >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(found.reshape(2, 3), axis=1), 1, atol=1e-4)
