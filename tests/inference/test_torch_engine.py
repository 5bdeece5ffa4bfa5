"""The PyTorch engine: symmetries and precisions."""

import numpy as np
import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.inference.torch_engine import TorchEngine, symmetries
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card


def test_bf16_is_near_fp32_and_another_precision_is_refused() -> None:
    torch.manual_seed(0)
    card = Card("t", "sequential", ("a", "b", "c"), ("a", "b", "c"))
    bundle = Bundle(create("sequential", 3).eval(), card)
    images = np.random.default_rng(0).integers(0, 256, (2, 250, 250, 3), dtype=np.uint8)
    full = TorchEngine(bundle).probabilities(images)
    np.testing.assert_array_equal(full, TorchEngine(bundle, precision="fp32").probabilities(images))
    half = TorchEngine(bundle, precision="bf16").probabilities(images)
    assert half.dtype == np.float32
    assert 0 < np.abs(half - full).max() < 0.05
    with pytest.raises(InputError, match="fp32 or bf16"):
        TorchEngine(bundle, precision="fp16")


def test_there_are_eight_different_symmetries() -> None:
    batch = torch.arange(9.0).reshape(1, 1, 3, 3)
    views = {tuple(view.flatten().tolist()) for view in symmetries(batch)}
    assert len(views) == 8
    assert torch.equal(symmetries(batch)[0], batch)
