"""Tensors with the names of another library go in; the same with our networks' names come out.

torchvision's ResNeXt-50 (ImageNet's weights, say): structure and widths are ours; ours has biases
beside the normalization, which start at 0, and leaky rectifiers where theirs are plain, so that the
weights are a start and no finished network. Theirs expects normalized colours: that is put into the
first layer, so that the input stays RGB in [0, 1]. (At the image's border, which is padded with 0,
the two differ.)

EfficientNet-Lite's ImageNet weights have the names of lukemelas' PyTorch implementation; what the
network computes is the same to the bit.

The library transformers gives DINOv2's tensors other names than the published files; queries, keys
and values lie in three tensors instead of one.
"""

import re
from collections.abc import Mapping

import torch

from marrowscope.models.input_transform import TransformFacts
from marrowscope.models.resnext50 import STAGES

_TORCHVISION_MARK = "layer1.0.conv1.weight"
_TORCHVISION_PARTS = {
    "conv1": "reduce",
    "bn1": "reduce_norm",
    "conv2": "grouped",
    "bn2": "grouped_norm",
    "conv3": "expand",
    "bn3": "expand_norm",
    "downsample.0": "shortcut.0",
    "downsample.1": "shortcut.1",
}
_BLOCK = re.compile(
    r"^layer([1-4])\.(\d+)\.(" + "|".join(map(re.escape, _TORCHVISION_PARTS)) + r")\.(\w+)$"
)
_TORCHVISION_TOP = {"conv1": "stem.0", "bn1": "stem.1", "fc": "head"}


def from_torchvision_names(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors with our names, and biases; what has other names than torchvision's stays as it is.

    Args:
        tensors: of a file, for a ResNeXt-50 or something else.
    """
    if _TORCHVISION_MARK not in tensors:
        return dict(tensors)
    found: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        ours = _name_of_ours(name)
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


def _name_of_ours(name: str) -> str:
    block = _BLOCK.match(name)
    if block:
        stage, number, part, kind = block.groups()
        place = sum(count for count, *_ in STAGES[: int(stage) - 1]) + int(number)
        return f"blocks.{place}.{_TORCHVISION_PARTS[part]}.{kind}"
    layer, _, kind = name.rpartition(".")
    return f"{_TORCHVISION_TOP[layer]}.{kind}" if layer in _TORCHVISION_TOP else name


_LITE_MARK = "_conv_stem.weight"
_LITE_BLOCK = re.compile(
    r"^_blocks\.(\d+)\.(_expand_conv|_bn0|_depthwise_conv|_bn1|_project_conv|_bn2)\.(\w+)$"
)
_LITE_PARTS = {
    "_expand_conv": "expand.0",
    "_bn0": "expand.1",
    "_depthwise_conv": "depthwise.0",
    "_bn1": "depthwise.1",
    "_project_conv": "project.0",
    "_bn2": "project.1",
}


def from_efficientnet_names(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors with our names; what has other names than that implementation's stays as it is.

    Args:
        tensors: of a file, for an EfficientNet-Lite or something else.
    """
    if _LITE_MARK not in tensors:
        return dict(tensors)
    matches = map(_LITE_BLOCK.match, tensors)
    last = 2 + max((int(match[1]) for match in matches if match), default=-1)
    top = {
        "_conv_stem": "layers.0.0",
        "_bn0": "layers.0.1",
        "_conv_head": f"layers.{last}.0",
        "_bn1": f"layers.{last}.1",
        "_fc": "head",
    }
    found: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        block = _LITE_BLOCK.match(name)
        layer, _, kind = name.rpartition(".")
        if block:
            name = f"layers.{int(block[1]) + 1}.{_LITE_PARTS[block[2]]}.{block[3]}"
        elif layer in top:
            name = f"{top[layer]}.{kind}"
        found[name] = tensor
    return found


_TRANSFORMERS_MARK = "embeddings.cls_token"
_TRANSFORMERS_TOP = {
    "embeddings.cls_token": "cls_token",
    "embeddings.mask_token": "mask_token",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.register_tokens": "register_tokens",
    "embeddings.patch_embeddings.projection.weight": "patch_embed.proj.weight",
    "embeddings.patch_embeddings.projection.bias": "patch_embed.proj.bias",
    "layernorm.weight": "norm.weight",
    "layernorm.bias": "norm.bias",
}
_INSIDE = (
    ("attention.output.dense.", "attn.proj."),
    ("layer_scale1.lambda1", "ls1.gamma"),
    ("layer_scale2.lambda1", "ls2.gamma"),
    ("mlp.weights_in.", "mlp.w12."),
    ("mlp.weights_out.", "mlp.w3."),
)
_LAYER = re.compile(r"^encoder\.layer\.(\d+)\.(.+)$")
_THIRD = re.compile(r"^(blocks\.\d+\.)attention\.attention\.query\.(weight|bias)$")


def from_transformers_names(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors under the names of the published DINOv2 files; others stay as they are.

    Args:
        tensors: of a file, perhaps below a prefix such as ``dinov2.``.
    """
    marked = [
        name
        for name in tensors
        if name == _TRANSFORMERS_MARK or name.endswith("." + _TRANSFORMERS_MARK)
    ]
    if not marked:
        return dict(tensors)
    prefix = min(marked, key=len).removesuffix(_TRANSFORMERS_MARK)
    named = {
        _name_of_dinov2(name.removeprefix(prefix)): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix) and not name.startswith("classifier.")
    }
    for name in list(named):
        match = _THIRD.match(name)
        if match:
            parts = [name.replace("query", part) for part in ("query", "key", "value")]
            if all(part in named and named[part].dim() > 0 for part in parts):
                block, kind = match.groups()
                thirds = [named.pop(part) for part in parts]
                if len({third.shape[1:] for third in thirds}) == 1:
                    named[f"{block}attn.qkv.{kind}"] = torch.cat(thirds)
    return named


def _name_of_dinov2(name: str) -> str:
    layer = _LAYER.match(name)
    if layer is None:
        return _TRANSFORMERS_TOP.get(name, name)
    inner = layer[2]
    for theirs, published in _INSIDE:
        inner = inner.replace(theirs, published)
    return f"blocks.{layer[1]}.{inner}"
