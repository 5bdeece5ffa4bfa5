"""Vision transformers with the names that the library transformers gives DINOv2's tensors.

The same network under other names; queries, keys and values lie in three tensors instead of one.
"""

import re
from collections.abc import Mapping

import torch

_MARK = "embeddings.cls_token"
_TOP = {
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
    marked = [name for name in tensors if name == _MARK or name.endswith("." + _MARK)]
    if not marked:
        return dict(tensors)
    prefix = min(marked, key=len).removesuffix(_MARK)
    named = {
        _renamed(name.removeprefix(prefix)): tensor
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


def _renamed(name: str) -> str:
    layer = _LAYER.match(name)
    if layer is None:
        return _TOP.get(name, name)
    inner = layer[2]
    for theirs, published in _INSIDE:
        inner = inner.replace(theirs, published)
    return f"blocks.{layer[1]}.{inner}"
