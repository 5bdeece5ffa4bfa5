"""The vision transformer: forward against an independent one in float64, published sizes."""

import math

import pytest
import torch

from marrowscope.models.vit import VisionTransformer, ViTShape
from support.vit_weights import TINY, random_vit

PLAIN = TINY
GATED = ViTShape(width=128, depth=2, patch=7, grid=3, hidden=96, gated=True, registers=4)
BARE = ViTShape(width=64, depth=1, patch=16, grid=2, hidden=64, scaled=False)


def layer_norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * weight + bias


def reference(state: dict[str, torch.Tensor], shape: ViTShape, image: torch.Tensor) -> torch.Tensor:
    """One image, by the formulas: every patch and head in a loop, explicit soft-max, float64."""
    p = {name: tensor.double() for name, tensor in state.items()}
    image, size = image.double(), shape.patch
    tokens = [p["cls_token"][0, 0]]
    for row in range(shape.grid):
        for column in range(shape.grid):
            cut = image[:, row * size : (row + 1) * size, column * size : (column + 1) * size]
            kernel, bias = p["patch_embed.proj.weight"], p["patch_embed.proj.bias"]
            tokens.append((kernel * cut).sum((1, 2, 3)) + bias)
    x = torch.stack(tokens) + p["pos_embed"][0]
    if shape.registers:
        x = torch.cat((x[:1], p["register_tokens"][0], x[1:]))
    for number in range(shape.depth):
        b = {n.split(".", 2)[2]: t for n, t in p.items() if n.startswith(f"blocks.{number}.")}
        y = layer_norm(x, b["norm1.weight"], b["norm1.bias"])
        qkv = y @ b["attn.qkv.weight"].T + b["attn.qkv.bias"]
        q, k, v = qkv[:, : shape.width], qkv[:, shape.width : -shape.width], qkv[:, -shape.width :]
        heads = []
        for start in range(0, shape.width, 64):
            part = slice(start, start + 64)
            scores = (q[:, part] @ k[:, part].T / 8).exp()
            heads.append(scores / scores.sum(1, keepdim=True) @ v[:, part])
        y = torch.cat(heads, 1) @ b["attn.proj.weight"].T + b["attn.proj.bias"]
        x = x + (y * b["ls1.gamma"] if shape.scaled else y)
        y = layer_norm(x, b["norm2.weight"], b["norm2.bias"])
        if shape.gated:
            both = y @ b["mlp.w12.weight"].T + b["mlp.w12.bias"]
            gate, value = both[:, : shape.hidden], both[:, shape.hidden :]
            y = gate / (1 + (-gate).exp()) * value @ b["mlp.w3.weight"].T + b["mlp.w3.bias"]
        else:
            inner = y @ b["mlp.fc1.weight"].T + b["mlp.fc1.bias"]
            inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
            y = inner @ b["mlp.fc2.weight"].T + b["mlp.fc2.bias"]
        x = x + (y * b["ls2.gamma"] if shape.scaled else y)
    return layer_norm(x, p["norm.weight"], p["norm.bias"])[0]


@pytest.mark.parametrize("shape", [PLAIN, GATED, BARE], ids=["plain", "gated", "bare"])
def test_features_are_those_of_the_formulas_in_float64(shape: ViTShape) -> None:
    network = random_vit(shape)
    images = torch.randn(2, 3, shape.grid * shape.patch, shape.grid * shape.patch)
    with torch.inference_mode():
        found = network(images)
    wanted = torch.stack([reference(network.state_dict(), shape, image) for image in images])
    torch.testing.assert_close(found.double(), wanted, atol=1e-5, rtol=1e-5)
    assert (wanted[0] - wanted[1]).abs().max() > 1e-2  # a constant would agree with itself


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        # Tensors of the published files (518 px, patches of 14 px), mask token included.
        (ViTShape(384, 12, 14, 37, 1536), 22_056_576),
        (ViTShape(768, 12, 14, 37, 3072), 86_580_480),
        (ViTShape(1024, 24, 14, 37, 4096), 304_368_640),
        (ViTShape(1536, 40, 14, 37, 4096, gated=True), 1_136_480_768),
        (ViTShape(384, 12, 14, 37, 1536, registers=4), 22_058_112),
    ],
)
def test_parameters_of_the_published_sizes(shape: ViTShape, expected: int) -> None:
    with torch.device("meta"):
        network = VisionTransformer(shape)
    assert sum(tensor.numel() for tensor in network.parameters()) + shape.width == expected


def test_every_parameter_learns() -> None:
    network = random_vit(GATED).train()
    network(torch.randn(2, 3, 21, 21)).pow(2).sum().backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []
