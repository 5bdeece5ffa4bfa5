"""ResNeXt-50 weights with torchvision's names (ImageNet's, say) as a start for ours.

Structure and widths are the same; ours has biases beside the normalization, which start at 0, and
leaky rectifiers where theirs are plain, so that the weights are a start and no finished network.
Theirs expects normalized colours: that is put into the first layer, so that the input stays RGB in
[0, 1]. (At the image's border, which is padded with 0, the two differ.)
"""

import re
from collections.abc import Mapping

import torch

from marrowscope.models.input_transform import TransformFacts
from marrowscope.models.resnext50 import STAGES

_MARK = "layer1.0.conv1.weight"
_PARTS = {
    "conv1": "reduce",
    "bn1": "reduce_norm",
    "conv2": "grouped",
    "bn2": "grouped_norm",
    "conv3": "expand",
    "bn3": "expand_norm",
    "downsample.0": "shortcut.0",
    "downsample.1": "shortcut.1",
}
_BLOCK = re.compile(r"^layer([1-4])\.(\d+)\.(" + "|".join(map(re.escape, _PARTS)) + r")\.(\w+)$")
_TOP = {"conv1": "stem.0", "bn1": "stem.1", "fc": "head"}


def from_torchvision_names(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors with our names, and biases; what has other names than torchvision's stays as it is.

    Args:
        tensors: of a file, for a ResNeXt-50 or something else.
    """
    if _MARK not in tensors:
        return dict(tensors)
    found: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        ours = _renamed(name)
        found[ours] = tensor
        convolution = ours.endswith(".weight") and tensor.dim() == 4
        if convolution and name.removesuffix("weight") + "bias" not in tensors:
            found[ours.removesuffix("weight") + "bias"] = torch.zeros(len(tensor))
        if ours.endswith(".running_var"):  # older files do not count batches
            found.setdefault(ours.replace("running_var", "num_batches_tracked"), torch.tensor(0))
    first = found.get("stem.0.weight")
    if first is not None and first.dim() == 4 and first.shape[1] == 3:
        usual = TransformFacts()
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (usual.mean, usual.std))
        found["stem.0.weight"] = first.float() / std
        found["stem.0.bias"] = found["stem.0.bias"] - (first.float() * mean / std).sum((1, 2, 3))
    return found


def _renamed(name: str) -> str:
    block = _BLOCK.match(name)
    if block:
        stage, number, part, kind = block.groups()
        place = sum(count for count, *_ in STAGES[: int(stage) - 1]) + int(number)
        return f"blocks.{place}.{_PARTS[part]}.{kind}"
    layer, _, kind = name.rpartition(".")
    return f"{_TOP[layer]}.{kind}" if layer in _TOP else name
