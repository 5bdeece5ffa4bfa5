"""Vision transformer as DINOv2 has it, for weights that a user has on disk.

Dosovitskiy et al. (ICLR 2021) with LayerScale (Touvron et al., ICCV 2021), optionally SwiGLU
(Shazeer 2020) and register tokens (Darcet et al., ICLR 2024). Names of the tensors are those of the
published DINOv2 files (Oquab et al., TMLR 2024), so that these can be read as they are; heads are
64 wide and normalization has epsilon 1e-6, as there.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention, silu

HEAD_WIDTH = 64
EPSILON = 1e-6


@dataclass(frozen=True)
class ViTShape:
    """Everything that the tensors' shapes say.

    Attributes:
        width: of a token; heads are ``width / 64``.
        depth: number of blocks.
        patch: side of a patch, px.
        grid: patches along a side of the input.
        hidden: width inside the feed-forward part.
        gated: SwiGLU instead of GELU.
        scaled: LayerScale after attention and feed-forward part.
        registers: number of register tokens.
    """

    width: int
    depth: int
    patch: int
    grid: int
    hidden: int
    gated: bool = False
    scaled: bool = True
    registers: int = 0


class Attention(nn.Module):
    """Self-attention of all tokens: (N, T, D) → (N, T, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD_WIDTH
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Queries, keys and values lie behind each other in one layer's output."""
        count, tokens, width = x.shape
        split = self.qkv(x).reshape(count, tokens, 3, self.heads, HEAD_WIDTH)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = scaled_dot_product_attention(query, key, value)
        result: torch.Tensor = self.proj(mixed.transpose(1, 2).reshape(count, tokens, width))
        return result


class Mlp(nn.Module):
    """Feed-forward part with exact GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, D) → (N, T, D)."""
        result: torch.Tensor = self.fc2(gelu(self.fc1(x)))
        return result


class GatedMlp(nn.Module):
    """Feed-forward part with SwiGLU; gate and value come from one layer."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w12 = nn.Linear(width, 2 * hidden)
        self.w3 = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, D) → (N, T, D)."""
        gate, value = self.w12(x).chunk(2, dim=-1)
        result: torch.Tensor = self.w3(silu(gate) * value)
        return result


class LayerScale(nn.Module):
    """Each channel times a learned factor."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, D) → (N, T, D)."""
        return x * self.gamma


class TransformerBlock(nn.Module):
    """Attention and feed-forward part, each normalized before and added to its input."""

    def __init__(self, shape: ViTShape) -> None:
        super().__init__()
        width = shape.width
        self.norm1 = nn.LayerNorm(width, EPSILON)
        self.attn = Attention(width)
        self.ls1: nn.Module = LayerScale(width) if shape.scaled else nn.Identity()
        self.norm2 = nn.LayerNorm(width, EPSILON)
        kind = GatedMlp if shape.gated else Mlp
        self.mlp: nn.Module = kind(width, shape.hidden)
        self.ls2: nn.Module = LayerScale(width) if shape.scaled else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, D) → (N, T, D)."""
        x = x + self.ls1(self.attn(self.norm1(x)))
        result: torch.Tensor = x + self.ls2(self.mlp(self.norm2(x)))
        return result


class Patches(nn.Module):
    """Cuts an image into patches and gives each a token."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) → (N, patches, D), row by row."""
        tokens: torch.Tensor = self.proj(x).flatten(2).transpose(1, 2)
        return tokens


class VisionTransformer(nn.Module):
    """(N, 3, S, S) normalized → (N, width): the class token after the last normalization."""

    def __init__(self, shape: ViTShape) -> None:
        super().__init__()
        self.shape = shape
        self.patch_embed = Patches(shape.width, shape.patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + shape.grid**2, shape.width))
        self.register_tokens = (
            nn.Parameter(torch.zeros(1, shape.registers, shape.width)) if shape.registers else None
        )
        self.blocks = nn.ModuleList(TransformerBlock(shape) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(shape.width, EPSILON)

    @property
    def width(self) -> int:
        """Number of features."""
        return self.shape.width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As the class says; S is ``grid`` × ``patch``."""
        count = x.shape[0]
        tokens = torch.cat((self.cls_token.expand(count, -1, -1), self.patch_embed(x)), dim=1)
        tokens = tokens + self.pos_embed
        if self.register_tokens is not None:  # they have no place in the image
            extra = self.register_tokens.expand(count, -1, -1)
            tokens = torch.cat((tokens[:, :1], extra, tokens[:, 1:]), dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        result: torch.Tensor = self.norm(tokens[:, 0])
        return result
