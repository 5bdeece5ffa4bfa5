"""Depthwise convolutions in bf16: values and gradients are those of float32, rounded."""

import pytest
import torch
from torch.nn.functional import conv2d

from marrowscope.models.depthwise_gradient import depthwise_convolution


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize(("stride", "side"), [(1, 12), (2, 12), (2, 13)])
def test_values_and_gradients_are_those_of_float32(kernel: int, stride: int, side: int) -> None:
    torch.manual_seed(0)
    # Numbers that bf16 holds, so that only the results are rounded.
    x = torch.randint(-8, 9, (2, 4, side, side)).float().requires_grad_(True)
    weight = torch.randint(-8, 9, (4, 1, kernel, kernel)).float().requires_grad_(True)
    padding = (kernel // 2, kernel // 2)
    wanted = conv2d(x, weight, None, stride, padding, groups=4)
    push = torch.randint(-8, 9, wanted.shape).float()
    wanted_gradients = torch.autograd.grad(wanted, (x, weight), push)
    found = depthwise_convolution(x, weight, stride, padding)
    assert found.dtype == torch.bfloat16
    gradients = torch.autograd.grad(found, (x, weight), push.bfloat16())
    torch.testing.assert_close(found.float(), wanted, atol=0, rtol=2**-8)
    for ours, theirs in zip(gradients, wanted_gradients, strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, atol=0, rtol=2**-8)


def test_what_needs_no_gradient_gets_none() -> None:
    x, weight = torch.ones(1, 2, 6, 6), torch.ones(2, 1, 3, 3, requires_grad=True)
    depthwise_convolution(x, weight, 1, (1, 1)).sum().backward()
    assert x.grad is None
    assert weight.grad is not None
    # Every pixel but those of one border row or column meets each corner of the kernel.
    assert weight.grad[0, 0].tolist() == [[25, 30, 25], [30, 36, 30], [25, 30, 25]]
