"""Which vision transformer a file holds: size and kind follow from the tensors' shapes alone.

Accepted are the names of the published DINOv2 files, bare or inside the wrappers of training
checkpoints (``teacher.backbone.…``, ``student.…``, ``module.…``), with blocks in chunks or not, and
the names that the library transformers gives them.
Weights of blood and marrow cells published as DINOv2 checkpoints (DinoBloom, Koch et al., MICCAI
2024: ``teacher`` → ``backbone.…``, position embeddings for 224 px) are of this kind.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch.nn.functional import interpolate

from marrowscope.errors import InputError
from marrowscope.models.checkpoint_files import list_names, require_tensors
from marrowscope.models.tensor_names import from_transformers_names
from marrowscope.models.vit import HEAD_WIDTH, VisionTransformer, ViTShape

Tensors = Mapping[str, torch.Tensor]

_TOKEN = "cls_token"
# Not a part of the network that is used: what training needed beside it.
_LEFT_OUT = ("mask_token", "head.", "dino_head.", "ibot_head.")
_CHUNKED = re.compile(r"^blocks\.\d+\.(\d+\.)")
_BLOCK = re.compile(r"^blocks\.(\d{1,3})\.")
_LARGEST = ViTShape(width=4096, depth=64, patch=64, grid=256, hidden=32_768)


def vit_from_weights(tensors: Tensors, size: int, source: str) -> VisionTransformer:
    """The network of a file, for images of another size if need be.

    Args:
        tensors: of the file.
        size: side of the input, px.
        source: the file, for messages.

    Raises:
        InputError: names the first tensor that does not fit.
    """
    found = backbone_tensors(tensors, source)
    shape = vit_shape(found, source)
    if size % shape.patch:
        raise InputError(
            f"{source}: patches of {shape.patch} px do not fill an input of {size} px; state a "
            'multiple as {"size": …} in the JSON file beside the weights'
        )
    _require(found, shape, source)
    places = found["pos_embed"].float()
    shape = replace(shape, grid=size // shape.patch)
    found["pos_embed"] = resize_position_embeddings(
        places, shape.grid, antialias=shape.registers > 0
    )
    return _filled(found, shape)


def vit_from_bundle(tensors: Tensors, source: str) -> VisionTransformer:
    """The network of a bundle's tensors, whose names and sizes are ours.

    Raises:
        InputError: names the first tensor that does not fit.
    """
    shape = vit_shape(tensors, source)
    _require(tensors, shape, source)
    return _filled(tensors, shape)


def backbone_tensors(tensors: Tensors, source: str) -> dict[str, torch.Tensor]:
    """The tensors of the backbone with the names that it has alone.

    Raises:
        InputError: there is no backbone of this kind in the file.
    """
    tensors = from_transformers_names(tensors)
    ends = [name for name in tensors if name == _TOKEN or name.endswith("." + _TOKEN)]
    if not ends:
        raise InputError(
            f"{source}: no vision transformer with DINOv2's names ({_TOKEN} is missing; the file "
            f"has {list_names(tensors)})"
        )
    # A teacher is the average of its student, and what is published and measured.
    prefix = min(ends, key=lambda name: ("student" in name, "teacher" not in name, len(name)))
    prefix = prefix.removesuffix(_TOKEN)
    inside = {
        name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)
    }
    kept = {name: tensor for name, tensor in inside.items() if not name.startswith(_LEFT_OUT)}
    return {_CHUNKED.sub(r"blocks.\1", name): tensor for name, tensor in kept.items()}


def vit_shape(found: Tensors, source: str) -> ViTShape:
    """Read the shape of the network.

    Raises:
        InputError: a tensor that tells it is missing or makes no sense.
    """
    width = _size(found, _TOKEN, 3, source)[2]
    patch = _size(found, "patch_embed.proj.weight", 4, source)[2]
    tokens = _size(found, "pos_embed", 3, source)[1]
    blocks = [int(match.group(1)) for name in found if (match := _BLOCK.match(name))]
    gated = "blocks.0.mlp.w12.weight" in found
    layer = "blocks.0.mlp.w12.weight" if gated else "blocks.0.mlp.fc1.weight"
    hidden = _size(found, layer, 2, source)[0] // (2 if gated else 1)
    registers = _size(found, "register_tokens", 3, source)[1] if "register_tokens" in found else 0
    grid = round(max(tokens - 1, 0) ** 0.5)
    shape = ViTShape(
        width,
        1 + max(blocks, default=0),
        patch,
        grid,
        hidden,
        gated,
        "blocks.0.ls1.gamma" in found,
        registers,
    )
    if grid**2 + 1 != tokens:
        raise InputError(
            f"{source}: pos_embed has {tokens} places; expected a square number and one more"
        )
    if width % HEAD_WIDTH:
        raise InputError(
            f"{source}: tokens are {width} wide; heads of {HEAD_WIDTH} need a multiple of it"
        )
    for name in ("width", "depth", "patch", "grid", "hidden"):
        value, most = getattr(shape, name), getattr(_LARGEST, name)
        if not 1 <= value <= most:
            raise InputError(f"{source}: {name} is {value}; expected 1 to {most}")
    return shape


def resize_position_embeddings(places: torch.Tensor, grid: int, antialias: bool) -> torch.Tensor:
    """Position embeddings for another grid, as the authors of DINOv2 interpolate theirs.

    Bicubic; networks with registers with antialiasing, those without it with sampling distances
    of old grid / (new grid + 0.1), which their published figures were measured with.

    Args:
        places: (1, 1 + G², D), the class token's first.
        grid: of the input.
        antialias: which of the two.

    Returns:
        (1, 1 + grid², D).
    """
    old = round((places.shape[1] - 1) ** 0.5)
    if old == grid:
        return places
    square = places[:, 1:].reshape(1, old, old, -1).permute(0, 3, 1, 2)
    if antialias:
        square = interpolate(square, size=(grid, grid), mode="bicubic", antialias=True)
    else:
        factor = (grid + 0.1) / old
        square = interpolate(square, scale_factor=(factor, factor), mode="bicubic")
    return torch.cat((places[:, :1], square.permute(0, 2, 3, 1).reshape(1, grid**2, -1)), dim=1)


def _size(found: Tensors, name: str, dimensions: int, source: str) -> torch.Size:
    if name not in found:
        raise InputError(f"{source}: tensor {name} is missing; not a vision transformer of DINOv2")
    if found[name].dim() != dimensions:
        raise InputError(
            f"{source}: tensor {name} has shape {tuple(found[name].shape)}; expected "
            f"{dimensions} dimensions"
        )
    return found[name].shape


def _require(found: Tensors, shape: ViTShape, source: str) -> None:
    """Every tensor there, none besides, all of the right shape and finite."""
    with torch.device("meta"):
        wanted = VisionTransformer(shape).state_dict()
    require_tensors(found, wanted, source)


def _filled(found: Tensors, shape: ViTShape) -> VisionTransformer:
    with torch.device("meta"):  # nothing is drawn that would be overwritten
        network = VisionTransformer(shape)
    values = {name: tensor.float().contiguous() for name, tensor in found.items()}
    network.load_state_dict(values, assign=True)
    return network
