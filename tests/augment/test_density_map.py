"""The map of optical densities."""

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from marrowscope.augment import AugmentationSettings, draw_parameters
from marrowscope.augment.density_map import density_map
from marrowscope.stain import default_stain


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
