"""The batch path against a plain float64 reference, and hand-made cases."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.augment import AugmentationSettings, augment_batch, draw_parameters
from marrowscope.augment.augmentation_parameters import density_map
from marrowscope.augment.tensor_augmentation import augment_tensors
from marrowscope.stain import default_stain

STILL = AugmentationSettings(0, False, False, 0, 0, 0, 0, 0, 0)


def smooth_images(count: int, side: int = 64, seed: int = 0) -> np.ndarray:
    """Random images without sharp edges, (N, side, side, 3) uint8."""
    random = np.random.default_rng(seed)
    coarse = torch.from_numpy(random.uniform(20, 255, (count, 3, 6, 6)))
    fine = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 255)
    return np.ascontiguousarray(fine.permute(0, 2, 3, 1).round().numpy(), dtype=np.uint8)


def random_stains(count: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    base = default_stain().reshape(2, 3) + random.uniform(-0.1, 0.1, (count, 2, 3))
    return (base / np.linalg.norm(base, axis=2, keepdims=True)).reshape(count, 6).astype(np.float32)


def reference(image: np.ndarray, stain: np.ndarray, parameters, row: int) -> np.ndarray:
    """One image in float64, pixel by pixel positions, straight from the definitions."""
    side = image.shape[0]
    centres = (np.arange(side) + 0.5) * 2 / side - 1
    x, y = np.meshgrid(centres, centres)
    map_ = parameters.sampling[row].double().numpy()
    u = (map_[0, 0] * x + map_[0, 1] * y + map_[0, 2] + 1) * side / 2 - 0.5
    v = (map_[1, 0] * x + map_[1, 1] * y + map_[1, 2] + 1) * side / 2 - 0.5

    def mirror(t: np.ndarray) -> np.ndarray:
        t = np.mod(t + 0.5, 2 * side)
        return np.clip(np.where(t >= side, 2 * side - t, t) - 0.5, 0, side - 1)

    u, v = mirror(u), mirror(v)
    u0, v0 = np.floor(u).astype(int), np.floor(v).astype(int)
    u1, v1 = np.minimum(u0 + 1, side - 1), np.minimum(v0 + 1, side - 1)
    fu, fv = (u - u0)[..., None], (v - v0)[..., None]
    pixels = image.astype(np.float64) / 255
    value = (pixels[v0, u0] * (1 - fu) + pixels[v0, u1] * fu) * (1 - fv)
    value += (pixels[v1, u0] * (1 - fu) + pixels[v1, u1] * fu) * fv
    density = -np.log(np.maximum(value, 1 / 255))
    h, e = stain.astype(np.float64).reshape(2, 3)
    rest = np.cross(h, e)
    matrix = np.stack([h, e, rest / np.linalg.norm(rest)], axis=1)
    amounts = density @ np.linalg.inv(matrix).T
    amounts[..., :2] *= parameters.stain_scale[row].double().numpy()
    amounts[..., :2] += parameters.stain_shift[row].double().numpy()
    density = amounts @ matrix.T + parameters.light[row].double().numpy()
    return np.clip(np.exp(-density), 0, 1)


def batch_on_tensors(images, stains, parameters):
    return augment_tensors(images, *density_map(stains, parameters), parameters)


@pytest.mark.parametrize(
    "ranges",
    [AugmentationSettings(), AugmentationSettings(zoom=0.2, light=0.05, shift=0.05)],
    ids=["study", "with zoom and light"],
)
@pytest.mark.parametrize("way", [augment_batch, batch_on_tensors], ids=["compiled", "tensors"])
def test_batch_agrees_with_the_float64_reference_within_one_grey_level(ranges, way) -> None:
    images, stains = smooth_images(12), random_stains(12)
    parameters = draw_parameters(ranges, 0, 0, np.arange(12))
    batch = way(torch.from_numpy(images), torch.from_numpy(stains), parameters)
    for row in range(12):
        expected = reference(images[row], stains[row], parameters, row)
        found = batch[row].permute(1, 2, 0).double().numpy()
        assert np.abs(found - expected).max() < 1 / 255


def test_no_change_asked_gives_the_image_back() -> None:
    images = smooth_images(3)
    parameters = draw_parameters(STILL, 0, 0, np.arange(3))
    batch = augment_batch(torch.from_numpy(images), torch.from_numpy(random_stains(3)), parameters)
    back = (batch * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(back, np.maximum(images, 1))


def test_output_is_in_range_and_channels_last() -> None:
    images = torch.randint(0, 256, (4, 50, 50, 3), dtype=torch.uint8)
    drawn = draw_parameters(AugmentationSettings(stain_shift=1.0), 0, 0, np.arange(4))
    batch = augment_batch(images, torch.from_numpy(random_stains(4)), drawn)
    assert batch.shape == (4, 3, 50, 50)
    assert batch.dtype == torch.float32
    assert batch.min() >= 0
    assert batch.max() <= 1
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_a_horizontal_flip_mirrors_left_and_right() -> None:
    images = smooth_images(40)
    flip = replace(STILL, flip_horizontal=True)
    drawn = draw_parameters(flip, 0, 0, np.arange(40))
    batch = augment_batch(torch.from_numpy(images), torch.from_numpy(random_stains(40)), drawn)
    mirrored = drawn.sampling[:, 0, 0] < 0
    assert 8 < mirrored.sum() < 32
    for row in range(40):
        expected = images[row][:, ::-1] if mirrored[row] else images[row]
        found = (batch[row] * 255).round().permute(1, 2, 0).numpy()
        assert np.abs(found - np.maximum(expected, 1)).max() <= 1


def test_rotation_is_clockwise_as_seen() -> None:
    image = np.full((1, 41, 41, 3), 200, dtype=np.uint8)
    image[0, 2:7, 18:23] = 20  # a mark at twelve o'clock
    drawn = draw_parameters(replace(STILL, rotation_degrees=180), 0, 0, np.arange(1))
    angle = np.radians(90)
    turned = torch.tensor([[[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0]]])
    drawn = replace(drawn, sampling=turned.float())
    batch = augment_batch(torch.from_numpy(image), torch.from_numpy(random_stains(1)), drawn)
    row, column = np.unravel_index(int(batch[0, 0].argmin()), (41, 41))
    assert row == pytest.approx(20, abs=3)
    assert column > 30  # three o'clock


def test_a_drawn_rotation_turns_between_0_and_180_degrees_clockwise() -> None:
    drawn = draw_parameters(replace(STILL, rotation_degrees=180), 0, 0, np.arange(2000))
    # Sampling is the inverse map, so its angle is the negative of the image's.
    angle = np.degrees(
        np.arctan2(-drawn.sampling[:, 1, 0].numpy(), drawn.sampling[:, 0, 0].numpy())
    )
    assert angle.min() > -1e-3
    assert 175 < angle.max() <= 180


def test_more_haematoxylin_darkens_nuclear_pixels_along_its_own_vector() -> None:
    stain = default_stain()
    density = 0.8 * stain[:3]
    pixel = np.round(255 * np.exp(-density)).astype(np.uint8)
    image = np.tile(pixel, (1, 8, 8, 1))
    drawn = draw_parameters(STILL, 0, 0, np.arange(1))
    drawn = replace(drawn, stain_scale=torch.tensor([[1.2, 1.0]]))
    batch = augment_batch(torch.from_numpy(image), torch.from_numpy(stain[None]), drawn)
    np.testing.assert_allclose(-np.log(batch[0, :, 4, 4].numpy()), 0.96 * stain[:3], atol=0.012)


@pytest.mark.parametrize("value", [0, 255, 128])
def test_blank_black_and_constant_images_stay_finite(value: int) -> None:
    images = torch.full((2, 32, 32, 3), value, dtype=torch.uint8)
    stains = torch.from_numpy(np.stack([default_stain()] * 2))
    drawn = draw_parameters(AugmentationSettings(), 1, 1, np.arange(2))
    assert torch.isfinite(augment_batch(images, stains, drawn)).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_cuda_agrees_with_cpu_within_one_grey_level() -> None:
    images, stains = torch.from_numpy(smooth_images(8)), torch.from_numpy(random_stains(8))
    drawn = draw_parameters(AugmentationSettings(), 0, 0, np.arange(8))
    device = torch.device("cuda")
    on_gpu = augment_batch(images.to(device), stains.to(device), drawn.to(device)).cpu()
    assert (on_gpu - augment_batch(images, stains, drawn)).abs().max() < 1 / 255


@pytest.mark.parametrize("fill", ["reflect", "border"])
@pytest.mark.parametrize(("height", "width"), [(2, 2), (3, 64), (50, 31), (250, 250)])
def test_noise_of_any_shape_agrees_with_plain_tensor_operations(
    height: int, width: int, fill: str
) -> None:
    random = np.random.default_rng(1)
    images = torch.from_numpy(random.integers(0, 256, (6, height, width, 3), dtype=np.uint8))
    stains = torch.from_numpy(random_stains(6))
    drawn = draw_parameters(
        AugmentationSettings(zoom=0.5, light=0.1, fill=fill), 3, 2, np.arange(6)
    )
    expected = augment_tensors(images, *density_map(stains, drawn), drawn)
    assert (augment_batch(images, stains, drawn) - expected).abs().max() < 0.1 / 255


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(st.integers(0, 8), min_size=1, max_size=12),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    threads=st.integers(1, 3),
)
def test_chosen_rows_give_what_their_copies_would_give_with_any_number_of_threads(
    rows: list[int], dtype: torch.dtype, threads: int
) -> None:
    images = torch.from_numpy(smooth_images(9, side=24))
    stains = torch.from_numpy(random_stains(len(rows)))
    drawn = draw_parameters(AugmentationSettings(), 0, 0, np.arange(len(rows)))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        expected = augment_batch(images[rows].contiguous(), stains, drawn, dtype=dtype)
        torch.set_num_threads(threads)
        found = augment_batch(images, stains, drawn, torch.tensor(rows), dtype)
    finally:
        torch.set_num_threads(before)
    assert found.dtype == dtype
    assert torch.equal(found, expected)


def test_half_precision_is_the_rounded_full_precision() -> None:
    images, stains = torch.from_numpy(smooth_images(4)), torch.from_numpy(random_stains(4))
    drawn = draw_parameters(AugmentationSettings(), 0, 0, np.arange(4))
    full = augment_batch(images, stains, drawn)
    half = augment_batch(images, stains, drawn, dtype=torch.bfloat16)
    assert torch.equal(half, full.to(torch.bfloat16))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": torch.tensor([0, 1, 2, 4])}, "rows reach from 0 to 4 of 4"),
        ({"rows": torch.tensor([-1, 1, 2, 3])}, "rows reach from -1"),
        ({"images": torch.zeros(4, 8, 8, 3)}, "need .* uint8"),
        ({"images": torch.zeros(4, 3, 8, 8, dtype=torch.uint8)}, "need .* uint8"),
        ({"images": torch.zeros(4, 1, 8, 3, dtype=torch.uint8)}, "at least 2×2"),
        ({"images": torch.zeros(4, 8, 16, 3, dtype=torch.uint8)[:, :, ::2]}, "contiguous"),
        ({"images": torch.zeros(5, 8, 8, 3, dtype=torch.uint8)}, "5 images, 4 stains"),
        ({"dtype": torch.float16}, "float16"),
    ],
)
def test_what_does_not_fit_is_refused_before_memory_is_touched(
    change: dict[str, object], message: str
) -> None:
    given = {
        "images": torch.zeros(4, 8, 8, 3, dtype=torch.uint8),
        "stains": torch.from_numpy(random_stains(4)),
        "parameters": draw_parameters(AugmentationSettings(), 0, 0, np.arange(4)),
    }
    with pytest.raises(ValueError, match=message):
        augment_batch(**(given | change))


def test_the_last_pixels_of_an_array_are_read_without_reaching_behind_it(tmp_path: Path) -> None:
    # A file of whole memory pages: one byte more would kill the process.
    side, page = 64, os.sysconf("SC_PAGE_SIZE")
    count = page // int(np.gcd(side * side * 3, page))
    path = tmp_path / "pixels"
    np.random.default_rng(0).integers(0, 256, count * side * side * 3, dtype=np.uint8).tofile(path)
    assert path.stat().st_size % page == 0
    mapped = np.memmap(path, np.uint8, "c", shape=(count, side, side, 3))
    drawn = draw_parameters(STILL, 0, 0, np.arange(1))
    rows = torch.tensor([count - 1])
    batch = augment_batch(torch.from_numpy(mapped), torch.from_numpy(random_stains(1)), drawn, rows)
    back = (batch[0] * 255).round().permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(back, np.maximum(mapped[-1], 1))


def test_a_batch_is_shown_in_stains_of_other_images() -> None:
    images = torch.from_numpy(smooth_images(4))
    own, others = torch.from_numpy(random_stains(4)), torch.from_numpy(random_stains(4, seed=9))
    drawn = draw_parameters(AugmentationSettings(), 0, 0, np.arange(4))
    expected = augment_tensors(images, *density_map(own, drawn, others), drawn)
    shown = augment_batch(images, own, drawn, rendered=others)
    assert (shown - expected).abs().max() < 0.1 / 255
    assert (shown - augment_batch(images, own, drawn)).abs().max() > 1 / 255
    with pytest.raises(ValueError, match=r"rendered \(3, 6\)"):
        augment_batch(images, own, drawn, rendered=others[:3])
