"""Tiny vision transformers on disk, in the layouts that weights are published in."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from marrowscope.models.vit import VisionTransformer, ViTShape

TINY = ViTShape(width=64, depth=2, patch=14, grid=4, hidden=128)  # 56 px


def random_vit(shape: ViTShape = TINY, seed: int = 0) -> VisionTransformer:
    """Weights that all matter: tokens, places and scales are random, too."""
    torch.manual_seed(seed)
    network = VisionTransformer(shape).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(("_token", "_embed", "_tokens", "gamma")):
                parameter.normal_(0, 0.3)
    return network


def write_weights(
    folder: Path, shape: ViTShape = TINY, size: int | None = 56, seed: int = 0
) -> Path:
    """A teacher inside a training checkpoint, as haematology weights are published."""
    own = random_vit(shape, seed).state_dict()
    wrapped = {f"backbone.{name}": tensor for name, tensor in own.items()}
    wrapped["backbone.mask_token"] = torch.zeros(1, shape.width)
    wrapped["dino_head.mlp.0.weight"] = torch.zeros(3, 3)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"teacher": wrapped}, folder / "tiny.pth")
    if size is not None:
        (folder / "tiny.json").write_text(json.dumps({"size": size}))
    return folder / "tiny.pth"


def write_safetensors(tensors: dict[str, torch.Tensor], path: Path) -> Path:
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path)
    return path
