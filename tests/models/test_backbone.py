"""A backbone is a model like the others: bundle, engines, last layers."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from marrowscope.errors import InputError
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.models.backbone import VIT, Backbone, backbone_from_bundle, backbone_from_file
from marrowscope.models.bundle import WEIGHTS, Bundle, load_bundle
from marrowscope.models.bundle_writer import save_bundle
from marrowscope.models.card import Card
from marrowscope.models.knn_head import KnnHead
from support.vit_weights import write_safetensors, write_weights

CLASSES = ("LYT", "EOS", "PLM")


def neighbours(width: int = 64, k: int = 3) -> KnnHead:
    generator = torch.Generator().manual_seed(3)
    bank = torch.nn.functional.normalize(torch.randn(9, width, generator=generator), dim=1)
    return KnnHead(bank, torch.arange(9) % 3, torch.eye(3), k)


def made(folder: Path, head: str) -> Backbone:
    torch.manual_seed(0)
    network = backbone_from_file(VIT, write_weights(folder), len(CLASSES))
    if head == "knn":
        network.head = neighbours()
    return network.eval().requires_grad_(False)


@cache
def saved(head: str) -> Path:
    """A bundle; the files that its network came from are gone."""
    folder = Path(mkdtemp())
    save_bundle(made(folder, head), Card("tiny", VIT, CLASSES, CLASSES), folder / "bundle")
    (folder / "tiny.pth").unlink()
    (folder / "tiny.json").unlink()
    return folder / "bundle"


@pytest.fixture(params=["linear", "knn"])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    return load_bundle(saved(request.param))


def images(count: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 250, 250, 3), dtype=np.uint8)


def test_a_bundle_computes_what_was_saved_without_the_files_that_it_came_from(
    tmp_path: Path, bundle: Bundle
) -> None:
    head = "knn" if isinstance(bundle.model.head, KnnHead) else "linear"
    original, again = made(tmp_path, head), bundle.model
    pixels = torch.rand(2, 3, 250, 250)
    with torch.inference_mode():
        torch.testing.assert_close(again(pixels), original(pixels), atol=0, rtol=0)
        assert again.features(pixels).shape == (2, 64)


def test_openvino_gives_torch_s_probabilities(bundle: Bundle) -> None:
    fast, _ = choose_engine(bundle, "openvino")
    found, wanted = fast.probabilities(images()), TorchEngine(bundle).probabilities(images())
    np.testing.assert_allclose(found, wanted, atol=2e-4)
    assert np.ptp(wanted, axis=0).max() > 1e-3


def test_gradients_reach_every_part_but_the_transform(tmp_path: Path) -> None:
    network = backbone_from_file(VIT, write_weights(tmp_path), 3).train()
    network(torch.rand(2, 3, 250, 250)).pow(2).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())
    assert not [name for name, _ in network.named_parameters() if name.startswith("transform")]


def test_one_neighbour_is_its_class() -> None:
    head = neighbours(k=1)
    assert head(head.bank * 7).argmax(dim=1).tolist() == head.member.tolist()


def spoiled(how: str, tensors: dict[str, torch.Tensor]) -> None:
    if how == "transform.matrix":
        del tensors["transform.matrix"]
    elif how == "the network takes 56":
        tensors["transform.matrix"] = torch.zeros(70, 250)
    elif how == "std must be positive":
        tensors["transform.std"] = torch.zeros(3, 1, 1)
    elif how == "unexpected tensor extra":
        tensors["extra"] = torch.zeros(1)
    elif how == "do not fit each other":
        tensors["head.member"] = torch.full((9,), 7)
    elif how == "tensor k":
        del tensors["head.k"]
    else:
        tensors["trunk.norm.bias"] = torch.zeros(3)


@pytest.mark.parametrize(
    "how",
    ["transform.matrix", "the network takes 56", "std must be positive",
     "unexpected tensor extra", "do not fit each other", "tensor k", "norm.bias"],
)  # fmt: skip
def test_a_bundle_that_was_changed_is_refused_in_one_line(tmp_path: Path, how: str) -> None:
    tensors = load_file(saved("knn") / WEIGHTS)
    spoiled(how, tensors)
    path = write_safetensors(tensors, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=how) as caught:
        backbone_from_bundle(VIT, load_file(path), 3, "b")
    assert "\n" not in str(caught.value)
