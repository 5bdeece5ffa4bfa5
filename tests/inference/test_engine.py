"""Views of an image: eight rotations and mirrorings."""

import cv2
import numpy as np
import pytest
import torch

from marrowscope.inference.engine import image_views
from marrowscope.inference.torch_engine import symmetries


def images(count: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 10, 10, 3), dtype=np.uint8)
    return np.stack([cv2.resize(image, (250, 250)) for image in coarse])


@pytest.mark.parametrize("views", [1, 8])
def test_views_of_bytes_are_those_of_tensors(views: int) -> None:
    image = images(1)[0]
    batch = torch.from_numpy(image).permute(2, 0, 1)[None]
    turned = [view[0].permute(1, 2, 0).numpy() for view in symmetries(batch, views)]
    for ours, theirs in zip(image_views(image, views), turned, strict=True):
        np.testing.assert_array_equal(ours, theirs)
