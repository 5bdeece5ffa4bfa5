"""The transform of a backbone: the same numbers as an image library's, and what a file may say."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from marrowscope.errors import InputError
from marrowscope.models.input_transform import (
    KERNELS,
    Transform,
    TransformFacts,
    read_transform,
    resampling_matrix,
)
from marrowscope.preprocessing import MICRONS_PER_PIXEL


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("size", [56, 224, 250, 392])
def test_resizing_agrees_with_torch(kernel: str, size: int) -> None:
    images = torch.rand(2, 3, 250, 250, generator=torch.Generator().manual_seed(1))
    wanted = interpolate(images.double(), size=(size, size), mode=kernel, antialias=True)
    matrix = torch.from_numpy(resampling_matrix(size, 250.0, kernel))
    torch.testing.assert_close(matrix @ images.double() @ matrix.T, wanted, atol=1e-9, rtol=0)
    plain = TransformFacts(size=size, mean=(0.0,) * 3, std=(1.0,) * 3, interpolation=kernel)
    found = Transform(plain)(images)
    torch.testing.assert_close(found, wanted.clamp(0, 1).float(), atol=2e-6, rtol=0)


def test_colours_are_normalized_by_channel() -> None:
    images = torch.ones(1, 3, 250, 250) * torch.tensor([0.2, 0.5, 0.8]).view(1, 3, 1, 1)
    found = Transform(TransformFacts(32, mean=(0.1, 0.2, 0.3), std=(0.1, 0.3, 0.5)))(images)
    torch.testing.assert_close(found[0, :, 5, 7], torch.tensor([1.0, 1.0, 1.0]))


def test_a_pixel_size_cuts_out_the_middle() -> None:
    """100 px of the crop's own pixel size are its middle 100 px as they are."""
    facts = TransformFacts(100, (0.0,) * 3, (1.0,) * 3, microns_per_pixel=MICRONS_PER_PIXEL)
    images = torch.rand(1, 3, 250, 250)
    torch.testing.assert_close(
        Transform(facts)(images), images[:, :, 75:175, 75:175], atol=1e-6, rtol=0
    )


@given(
    size=st.integers(16, 400),
    side=st.floats(20.0, 250.0),
    kernel=st.sampled_from(KERNELS),
)
def test_weights_of_a_row_sum_to_one_and_are_symmetric(size: int, side: float, kernel: str) -> None:
    matrix = resampling_matrix(size, side, kernel)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
    np.testing.assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-9)


def test_half_precision_around_it_does_not_round_the_colours() -> None:
    images = torch.rand(1, 3, 250, 250)
    transform = Transform(TransformFacts(56))
    with torch.autocast("cpu", torch.bfloat16):
        found = transform(images)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, transform(images))


def test_a_file_beside_the_weights_changes_what_it_names(tmp_path: Path) -> None:
    assert read_transform(tmp_path / "w.pth") == TransformFacts()
    (tmp_path / "w.json").write_text(json.dumps({"size": 98, "mean": [0.5, 0.5, 0.5]}))
    assert read_transform(tmp_path / "w.pth") == TransformFacts(98, (0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "unknown entry"),
        ('{"scale": 2}', "unknown entry 'scale'"),
        ('{"size": 8}', "size is 8"),
        ('{"size": 224.0}', "size is 224.0"),
        ('{"size": null}', "size is None"),
        ('{"mean": [1, 2]}', "mean is"),
        ('{"std": [0, 1, 1]}', "std is"),
        ('{"std": [NaN, 1, 1]}', "std is"),
        ('{"interpolation": "nearest"}', "bicubic or bilinear"),
        ('{"interpolation": []}', "bicubic or bilinear"),
        ('{"microns_per_pixel": 0}', "microns_per_pixel is 0"),
        ('{"microns_per_pixel": 0.25}', "at most 86"),
    ],
)
def test_what_makes_no_sense_is_one_line_that_names_the_file(
    tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "w.json").write_text(content)
    with pytest.raises(InputError, match=said) as caught:
        read_transform(tmp_path / "w.safetensors")
    assert str(caught.value).startswith(str(tmp_path / "w.json"))
    assert "\n" not in str(caught.value)
