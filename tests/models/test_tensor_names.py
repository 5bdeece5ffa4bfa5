"""ResNeXt-50 weights under torchvision's names: computed by theirs, the network is the same."""

import re
from pathlib import Path

import torch
from torch.nn.functional import batch_norm, conv2d, leaky_relu, max_pool2d, pad

from marrowscope.models import create
from marrowscope.models.tensor_names import from_torchvision_names
from marrowscope.training.run_setup import StartingPoint, new_network

Tensors = dict[str, torch.Tensor]
BLOCKS, WIDTHS = (3, 4, 6, 3), (128, 256, 512, 1024)


def norm_of(channels: int) -> Tensors:
    return {"weight": torch.rand(channels) + 0.5, "bias": torch.randn(channels) * 0.1,
            "running_mean": torch.randn(channels) * 0.1,
            "running_var": torch.rand(channels) + 0.5}  # fmt: skip


def theirs() -> Tensors:
    """Random weights of resnext50_32x4d with the names and shapes that its documentation has."""
    torch.manual_seed(0)
    found: Tensors = {"conv1.weight": torch.randn(64, 3, 7, 7) * 0.1}
    found |= {f"bn1.{name}": tensor for name, tensor in norm_of(64).items()}
    inputs = 64
    for stage, (count, width) in enumerate(zip(BLOCKS, WIDTHS, strict=True), 1):
        for block in range(count):
            place, outputs = f"layer{stage}.{block}", 2 * width
            shapes = {"conv1": (width, inputs, 1, 1), "conv2": (width, width // 32, 3, 3),
                      "conv3": (outputs, width, 1, 1)}  # fmt: skip
            if block == 0:
                shapes["downsample.0"] = (outputs, inputs, 1, 1)
            for name, shape in shapes.items():
                fan = shape[1] * shape[2] * shape[3]
                found[f"{place}.{name}.weight"] = torch.randn(shape) / fan**0.5
                bn = name.replace("conv", "bn").replace("sample.0", "sample.1")
                found |= {f"{place}.{bn}.{key}": t for key, t in norm_of(shape[0]).items()}
            inputs = outputs
    return found | {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}


def features(p: Tensors, image: torch.Tensor) -> torch.Tensor:
    """By their names, with normalized colours, but our slope and epsilon."""

    def normalized(x: torch.Tensor, name: str) -> torch.Tensor:
        kinds = ("running_mean", "running_var", "weight", "bias")
        return batch_norm(x, *(p[f"{name}.{kind}"] for kind in kinds), eps=1e-3)

    def active(x: torch.Tensor) -> torch.Tensor:
        return leaky_relu(x, 0.3)

    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    x = (pad(image, (3, 3, 3, 3)) - mean) / std  # our network's border is black
    x = active(normalized(conv2d(x, p["conv1.weight"], stride=2), "bn1"))
    x = max_pool2d(x, 3, 2, 1)
    for stage, count in enumerate(BLOCKS, 1):
        for block in range(count):
            place, stride = f"layer{stage}.{block}", 2 if block == 0 and stage > 1 else 1
            y = active(normalized(conv2d(x, p[f"{place}.conv1.weight"]), f"{place}.bn1"))
            y = conv2d(y, p[f"{place}.conv2.weight"], stride=stride, padding=1, groups=32)
            y = active(normalized(y, f"{place}.bn2"))
            y = normalized(conv2d(y, p[f"{place}.conv3.weight"]), f"{place}.bn3")
            if block == 0:
                x = conv2d(x, p[f"{place}.downsample.0.weight"], stride=stride)
                x = normalized(x, f"{place}.downsample.1")
            x = active(x + y)
    return x.mean(dim=(2, 3))


def test_the_network_computes_what_theirs_does(tmp_path: Path) -> None:
    tensors, said = theirs(), []
    torch.save(tensors, tmp_path / "resnext.pth")
    start = StartingPoint("resnext50", tmp_path / "resnext.pth")
    network = new_network(start, 5, 0, said.append).eval()
    assert said == [f"starts from {start.weights}; head.weight, head.bias start at random"]
    image = torch.rand(2, 3, 96, 96)
    with torch.inference_mode():
        found, wanted = network.features(image), features(tensors, image)
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)
    assert (wanted[0] - wanted[1]).abs().max() > 1e-2


def test_all_names_are_ours_and_none_is_left_over() -> None:
    found = from_torchvision_names(theirs())
    assert found.keys() == create("resnext50", 3).state_dict().keys()
    assert not [name for name in found if re.match("layer|fc|conv1|bn1", name)]


def test_other_weights_keep_their_names() -> None:
    own = create("sequential", 3).state_dict()
    assert from_torchvision_names(own).keys() == own.keys()
