"""Engines agree on real images."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from marrowscope.dataset.image_discovery import discover
from marrowscope.inference.openvino_engine import OpenVinoEngine
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.io.image_decoding import read_image
from marrowscope.models import create
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.morphology import CODES, OUTPUTS_22


def batches(paths: list[str], size: int = 122) -> Iterator[np.ndarray]:
    for start in range(0, len(paths), size):
        yield np.stack([read_image(Path(path)) for path in paths[start : start + size]])


def test_openvino_gives_the_probabilities_of_torch_on_every_sixth_image(mll_sample: Path) -> None:
    paths = [found.path for found in discover([mll_sample])][::6]
    shipped = load_bundle("sequential-mll7")
    one_view = Bundle(shipped.model, replace(shipped.card, views=1))
    torch_engine, fast = TorchEngine(one_view), OpenVinoEngine(one_view)
    seen = 0
    for images in batches(paths):
        exact, found = torch_engine.probabilities(images), fast.probabilities(images)
        assert np.abs(found - exact).max() <= 1e-4
        assert (found.argmax(axis=1) == exact.argmax(axis=1)).all()
        seen += len(images)
    assert seen == 509


def test_openvino_gives_the_probabilities_of_torch_for_resnext50(mll_sample: Path) -> None:
    paths = [found.path for found in discover([mll_sample])][::300]
    images = next(batches(paths))
    torch.manual_seed(0)
    model = create("resnext50", 22)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():  # normalized as a trained network is, its answers differ between images
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
        model.train()(pixels)
        deviation, mean = torch.std_mean(model.eval()(pixels), dim=0)
        model.head.weight *= (3 / deviation)[:, None]
        model.head.bias.copy_((model.head.bias - mean) * 3 / deviation)
    card = replace(
        load_bundle("sequential-mll7").card,
        architecture="resnext50", outputs=OUTPUTS_22, known=CODES, views=1,
    )  # fmt: skip
    bundle = Bundle(model, card)
    exact = TorchEngine(bundle).probabilities(images)
    found = OpenVinoEngine(bundle).probabilities(images)
    assert exact.max(axis=1).mean() > 0.3
    assert len(set(exact.argmax(axis=1))) > 5
    assert np.abs(found - exact).max() <= 1e-4
