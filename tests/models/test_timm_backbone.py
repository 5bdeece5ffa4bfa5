"""timm is optional: its absence is one line, and what is asked of it is the structure only."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from marrowscope.errors import InputError
from marrowscope.models.backbone import Backbone, backbone_from_bundle, backbone_from_file
from marrowscope.models.timm_backbone import timm_trunk


class Pooled(nn.Module):
    """What timm's networks look like from outside, with no last layer."""

    num_features = 5  # of the last stage; not always what comes out
    pretrained_cfg: ClassVar = {"input_size": (3, 64, 64), "mean": (0.5, 0.5, 0.5),
                      "interpolation": "bilinear"}  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 7, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.stem(x).mean(dim=(2, 3))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A stand-in for timm that keeps what it was asked for."""
    calls: list[dict[str, Any]] = []

    def create_model(name: str, **options: Any) -> nn.Module:
        if "img_size" in options:
            raise TypeError("unexpected keyword argument 'img_size'")
        if name not in ("tiny_net.a1", "maps"):
            raise RuntimeError(f"Unknown model ({name})")
        calls.append({"name": name, **options})
        return Pooled().stem if name == "maps" else Pooled()

    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))
    return calls


def weights(path: Path, **more: torch.Tensor) -> Path:
    torch.manual_seed(1)
    torch.save({**Pooled().state_dict(), **more}, path)
    return path


def test_without_timm_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"pip install 'marrowscope\[timm\]'"):
        timm_trunk("timm:resnet18")


def test_a_timm_that_does_not_import_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from marrowscope.models import timm_backbone as module

    def broken(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist\nmore")

    monkeypatch.setattr(module, "import_module", broken)
    with pytest.raises(InputError, match="does not work with this torch") as caught:
        timm_trunk("timm:resnet18")
    assert "\n" not in str(caught.value)


def test_structure_comes_from_timm_and_weights_from_disk(
    tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    path = weights(tmp_path / "w.pth", **{"fc.weight": torch.zeros(1000, 8)})
    network = backbone_from_file("timm:tiny_net.a1", path, 3)
    assert asked
    assert all(not call["pretrained"] and call["num_classes"] == 0 for call in asked)
    stored = torch.load(path, weights_only=True)["stem.weight"]
    assert torch.equal(network.trunk.state_dict()["network.stem.weight"], stored)
    facts = network.transform.facts
    assert (facts.size, facts.mean, facts.interpolation) == (64, (0.5, 0.5, 0.5), "bilinear")
    again = backbone_from_bundle("timm:tiny_net.a1", network.state_dict(), 3, "b")
    images = torch.rand(1, 3, 250, 250)
    assert isinstance(again, Backbone)
    torch.testing.assert_close(again(images), network(images))


@pytest.mark.parametrize(
    "name", ["timm:hf-hub:some/one", "timm:local-dir:/tmp", "timm:", "timm:a b"]
)
def test_names_that_would_fetch_something_are_refused(
    name: str, asked: list[dict[str, Any]]
) -> None:
    with pytest.raises(InputError, match="a name of timm"):
        timm_trunk(name)
    assert asked == []


def test_an_unknown_network_and_foreign_weights_are_one_line(
    tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    with pytest.raises(InputError, match="timm has no such network"):
        timm_trunk("timm:other")
    path = weights(tmp_path / "w.pth", **{"blocks.0.weight": torch.zeros(2)})
    with pytest.raises(InputError, match=r"unexpected tensor blocks\.0\.weight"):
        backbone_from_file("timm:tiny_net.a1", path, 3)


def test_a_network_that_gives_no_vector_is_one_line(asked: list[dict[str, Any]]) -> None:
    with pytest.raises(InputError, match=r"images of 224 px .*no vector of features"):
        timm_trunk("timm:maps")


@pytest.mark.parametrize("name", ["resnet10t", "mobilenetv3_small_050", "test_vit"])
def test_with_the_real_timm_small_networks_work(name: str, tmp_path: Path) -> None:
    try:
        import timm
    except Exception as error:  # built for another torch, it fails in any way
        pytest.skip(f"timm is not there or does not work with this torch: {error}")
    theirs = timm.create_model(name, pretrained=False).eval()
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    network = backbone_from_file(f"timm:{name}", tmp_path / "w.pth", 3).eval()
    theirs.reset_classifier(0)
    images = torch.rand(1, 3, 250, 250)
    with torch.inference_mode():
        assert network(images).shape == (1, 3)
        torch.testing.assert_close(network.features(images), theirs(network.transform(images)))
