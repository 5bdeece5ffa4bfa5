"""What Grad-CAM weighs in networks of other kinds: patches before the last block, maps, tokens."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from marrowscope.errors import InputError
from marrowscope.explain.attribution import grad_cam, smoothgrad
from marrowscope.explain.target_layer import has_spatial_maps, target_layer
from marrowscope.explain.weight_randomization import cascading_randomization
from marrowscope.models.backbone import Backbone, backbone_from_file
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.models.input_transform import Transform, TransformFacts
from marrowscope.models.knn_head import KnnHead
from marrowscope.models.timm_backbone import TimmTrunk
from marrowscope.models.vit import ViTShape
from marrowscope.phantom.synthetic_cell import draw_cell
from support.vit_weights import write_weights

KNOWN = ("BLA", "LYT")
REGISTERS = ViTShape(width=64, depth=2, patch=14, grid=4, hidden=128, registers=3)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return draw_cell("BLA", 3).image


def bundle(model: nn.Module, kind: str = "vit") -> Bundle:
    return Bundle(model.eval(), Card("toy", kind, KNOWN, KNOWN))


def transformer(folder: Path, shape: ViTShape = REGISTERS) -> Backbone:
    network = backbone_from_file("vit", write_weights(folder, shape), 2)
    torch.manual_seed(1)
    nn.init.normal_(network.head.weight)
    return network


class Timm(nn.Module):
    """Like timm's networks from outside: four quarters, of which the lower right decides."""

    num_features = 3

    def __init__(self, lay: str) -> None:
        super().__init__()
        self.lay = lay
        self.own = nn.Conv2d(3, 3, 1)  # something with a gradient
        nn.init.dirac_(self.own.weight)
        nn.init.zeros_(self.own.bias)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        maps = nn.functional.adaptive_avg_pool2d(self.own(x), 2)
        if self.lay == "NHWC":
            return maps.permute(0, 2, 3, 1)
        return maps.flatten(2).transpose(1, 2)[:, : 3 if self.lay == "torn" else 4] \
            if self.lay in ("tokens", "torn") else maps  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.forward_features(x)
        if self.lay == "NHWC":
            return found[:, 1, 1]
        return found[:, -1] if found.dim() == 3 else found[:, :, 1, 1]


def timm_like(lay: str) -> Backbone:
    facts = TransformFacts(size=56, mean=(0, 0, 0), std=(1, 1, 1))
    head = nn.Linear(3, 2)
    nn.init.constant_(head.weight[0], 1.0)
    nn.init.constant_(head.weight[1], -1.0)
    return Backbone(Transform(facts), TimmTrunk(Timm(lay), 56), head)


@pytest.mark.parametrize("lay", ["NCHW", "NHWC", "tokens"])
def test_the_quarter_that_decides_is_the_one_that_is_shown(lay: str, image: np.ndarray) -> None:
    even = np.full_like(image, 200)
    found = grad_cam(bundle(timm_like(lay), "timm:x"), even, "BLA")
    # The weights of a map are means of its gradients, so Grad-CAM itself tells no quarter apart
    # here: all four are equally bright. The answer's own gradient does.
    assert found.shape == (250, 250)
    assert found.min() > 0
    assert np.ptp(found) < 1e-6
    shown = smoothgrad(bundle(timm_like(lay), "timm:x"), image, "BLA", samples=2)
    assert shown[:110].max() < 1e-6
    assert shown[140:, 140:].min() > 0


def test_what_has_no_grid_is_one_line_and_the_network_stays(image: np.ndarray) -> None:
    torn = timm_like("torn")
    with pytest.raises(InputError, match="not a spatial grid"):
        grad_cam(bundle(torn, "timm:x"), image, "BLA")
    assert "forward_features" not in vars(torn.trunk.network)


def test_patches_of_a_transformer_lie_where_they_lie_in_the_image(tmp_path: Path) -> None:
    network = transformer(tmp_path)
    seen = []
    with target_layer(network) as maps, torch.no_grad():
        maps.register_forward_hook(lambda _m, _g, found: seen.append(found))
        network.features(torch.rand(2, 3, 250, 250))
    tokens: list[torch.Tensor] = []
    handle = network.trunk.blocks[-1].norm1.register_forward_hook(
        lambda _m, _g, found: tokens.append(found)
    )
    with torch.no_grad():
        network.features(torch.rand(2, 3, 250, 250))
    handle.remove()
    assert seen[0].shape == (2, 64, 4, 4)
    assert tokens[0].shape == (2, 1 + 3 + 16, 64)


def test_grad_cam_of_a_transformer_by_hand(tmp_path: Path, image: np.ndarray) -> None:
    network = transformer(tmp_path)
    model = bundle(network)
    found = grad_cam(model, image, "BLA")
    # The definition, without captum: gradient of the log probability at the patch tokens.
    kept: list[torch.Tensor] = []

    def keep(_m: nn.Module, _g: object, tokens: torch.Tensor) -> torch.Tensor:
        kept.append(tokens.detach().requires_grad_())
        return kept[0]

    handle = network.trunk.blocks[-1].norm1.register_forward_hook(keep)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    evidence = model.outputs.log_probabilities(network(pixels))[
        0, model.outputs.classes.index("BLA")
    ]
    handle.remove()
    (slope,) = torch.autograd.grad(evidence, kept[0])
    patches, slopes = kept[0][0, 4:].detach(), slope[0, 4:]
    weighed = (patches * slopes.mean(dim=0)).sum(dim=1).reshape(4, 4).clamp(min=0)
    centres = found[31::62, 31::62][:4, :4]
    assert np.corrcoef(weighed.numpy().ravel(), centres.ravel())[0, 1] > 0.98
    assert found.max() == pytest.approx(float(weighed.max()), rel=0.05)


def test_backbones_are_explained_and_fall_apart_when_random(
    tmp_path: Path, image: np.ndarray
) -> None:
    model = bundle(transformer(tmp_path))
    curves = cascading_randomization(model, [(image, "BLA")], seed=1)
    last = curves.filter(curves["step"] == curves["step"].max())
    assert set(last["method"]) == {"SmoothGrad", "Grad-CAM"}
    assert (last["spearman"].fill_nan(0) < 0.9).all()


def test_neighbours_as_last_layer_are_explained(tmp_path: Path, image: np.ndarray) -> None:
    network = transformer(tmp_path)
    with torch.inference_mode():
        bank = nn.functional.normalize(network.features(torch.rand(6, 3, 250, 250)), dim=1)
    network.head = KnnHead(bank.clone(), torch.tensor([0, 1] * 3), torch.eye(2), 4)
    found = smoothgrad(bundle(network), image, "BLA", samples=3)
    assert found.max() > 0


def test_an_svm_has_no_places() -> None:
    assert not has_spatial_maps(nn.Identity())
