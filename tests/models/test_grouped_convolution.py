"""Narrow groups as fewer, wider ones: the same numbers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import conv2d

from marrowscope.models import create
from marrowscope.models.grouped_convolution import (
    GroupedConvolution,
    groups_together,
    with_groups_joined,
)


def test_two_groups_of_one_channel_become_one_of_two() -> None:
    weight = torch.tensor([3.0, 5.0]).reshape(2, 1, 1, 1)
    joined = with_groups_joined(weight, 2, 2)
    assert joined[:, :, 0, 0].tolist() == [[3.0, 0.0], [0.0, 5.0]]


@given(
    width=st.integers(1, 4),
    per=st.integers(1, 3),
    together=st.integers(1, 4),
    times=st.integers(1, 3),
)
def test_joined_groups_give_the_same_in_both_directions(
    width: int, per: int, together: int, times: int
) -> None:
    groups = together * times
    torch.manual_seed(0)
    x = torch.randn(2, groups * width, 5, 6, dtype=torch.float64)
    weight = torch.randn(groups * per, width, 3, 3, dtype=torch.float64, requires_grad=True)
    plain = conv2d(x, weight, None, 1, 1, 1, groups)
    joined = conv2d(x, with_groups_joined(weight, groups, together), None, 1, 1, 1, times)
    torch.testing.assert_close(joined, plain)
    (expected,) = torch.autograd.grad(plain.square().sum(), weight)
    (found,) = torch.autograd.grad(joined.square().sum(), weight)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("width", "count"), [(4, 4), (8, 2), (16, 1), (32, 1)])
def test_groups_of_resnext_are_joined_to_sixteen_channels(width: int, count: int) -> None:
    assert groups_together(width, 32) == count


def test_names_and_number_of_the_parameters_stay() -> None:
    layers = [m for m in create("resnext50", 22).modules() if isinstance(m, GroupedConvolution)]
    assert len(layers) == 16
    assert {tuple(m.weight.shape[1:]) for m in layers} == {(w, 3, 3) for w in (4, 8, 16, 32)}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_on_a_gpu_the_layer_gives_what_the_processor_gives() -> None:
    layer = GroupedConvolution(128, 128, 3, 2, 1, groups=32)
    x = torch.randn(2, 128, 15, 15)
    with torch.no_grad():
        found = layer.cuda()(x.cuda()).cpu()
        torch.testing.assert_close(found, layer.cpu()(x), rtol=1e-2, atol=1e-2)
