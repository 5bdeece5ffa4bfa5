"""Engines agree on real images."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from marrowscope.dataset.discover import discover
from marrowscope.images import read_image
from marrowscope.inference.engine import TorchEngine
from marrowscope.inference.openvino import OpenVinoEngine
from marrowscope.models.bundle import Bundle, load_bundle


def test_openvino_gives_the_probabilities_of_torch(mll_sample: Path) -> None:
    paths = [found.path for found in discover([mll_sample])][::20]
    images = np.stack([read_image(Path(path)) for path in paths])
    shipped = load_bundle("sequential-mll7")
    one_view = Bundle(shipped.model, replace(shipped.card, views=1))
    exact = TorchEngine(one_view).probabilities(images)
    found = OpenVinoEngine(one_view).probabilities(images)
    assert len(images) > 150
    assert np.abs(found - exact).max() <= 1e-4
    assert (found.argmax(axis=1) == exact.argmax(axis=1)).all()
