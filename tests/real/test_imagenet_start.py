"""EfficientNet-Lite from ImageNet on real cells: the reference's features, all engines alike."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from marrowscope.dataset.image_discovery import discover
from marrowscope.inference.openvino_engine import OpenVinoEngine
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.io.image_decoding import read_image
from marrowscope.models.architectures import LITE
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.models.checkpoint_files import read_checkpoint
from marrowscope.models.imagenet_weights import IMAGENET, imagenet_weights
from marrowscope.morphology import CODES, OUTPUTS_22
from marrowscope.training.run_setup import choose_starting_point, new_network


@pytest.mark.parametrize("name", LITE)
def test_real_cells_have_the_features_of_the_reference_and_one_answer_on_all_engines(
    mll_sample: Path, name: str
) -> None:
    reference = pytest.importorskip(
        "efficientnet_lite_pytorch", reason="the reference comes with the extra test"
    )
    paths = [found.path for found in discover([mll_sample])][::300]
    images = np.stack([read_image(Path(path)) for path in paths])
    start = choose_starting_point(name, Path(IMAGENET), None)
    network = new_network(start, 22, 0, lambda line: None).eval()
    theirs = reference.EfficientNet.from_name(name).eval()
    theirs.load_state_dict(read_checkpoint(imagenet_weights(name)))
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        wanted = theirs.extract_features(network.transform(pixels)).mean(dim=(2, 3))
        torch.testing.assert_close(network.features(pixels), wanted, atol=1e-5, rtol=0)
        deviation, mean = torch.std_mean(network(pixels), dim=0)
        # Answers that differ between images, as a trained network's do.
        network.head.weight *= (3 / deviation)[:, None]
        network.head.bias.copy_((network.head.bias - mean) * 3 / deviation)
    card = replace(
        load_bundle("sequential-mll7").card,
        architecture=name, outputs=OUTPUTS_22, known=CODES, views=1,
    )  # fmt: skip
    bundle = Bundle(network.requires_grad_(False), card)
    exact = TorchEngine(bundle).probabilities(images)
    found = OpenVinoEngine(bundle).probabilities(images)
    assert len(set(exact.argmax(axis=1))) > 5
    assert np.abs(found - exact).max() <= 1e-4
