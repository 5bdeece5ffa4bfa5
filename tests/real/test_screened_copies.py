"""Real cells with the copies that folders often hold beside them: each goes to its own original."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from marrowscope.dataset.crop_orientations import oriented
from marrowscope.dataset.landmarks import landmarks
from marrowscope.dataset.overlap_detection import find_overlaps
from marrowscope.io.image_decoding import read_image
from marrowscope.preprocessing import prepare


@pytest.fixture(scope="module")
def originals(mll_sample: Path) -> list[np.ndarray]:
    return [prepare(read_image(path), None) for path in sorted(mll_sample.rglob("*.jpg"))[::97]]


def compressed(image: np.ndarray) -> np.ndarray:
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 75])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


@pytest.mark.parametrize("scale", [0.9, 1.0, 1.1])
def test_each_turned_copy_belongs_to_its_own_original_and_to_no_other(
    originals: list[np.ndarray], scale: float
) -> None:
    zoom = cv2.getRotationMatrix2D((124.5, 124.5), 0, scale)
    copies = [
        compressed(
            oriented(
                cv2.warpAffine(image, zoom, (250, 250), borderMode=cv2.BORDER_REFLECT), number % 8
            )
        )
        for number, image in enumerate(originals)
    ]
    crops = originals + copies
    found = find_overlaps([landmarks(crop) for crop in crops], lambda number: crops[number])
    pairs = {(pair.one, pair.two) for pair in found}
    assert pairs == {(number, len(originals) + number) for number in range(len(originals))}
