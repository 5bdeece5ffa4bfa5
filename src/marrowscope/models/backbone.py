"""A pretrained backbone as a model like the others: transform, trunk, last layer.

Names: ``vit`` for DINOv2-style vision transformers, whose size follows from the file, and
``timm:NAME``. Input (N, 3, 250, 250) in [0, 1], output (N, outputs) logits, ``features`` the input
of the last layer: like every network's. All of it lies in the bundle's tensors, transform included.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from marrowscope.errors import InputError
from marrowscope.models.architectures import VIT
from marrowscope.models.checkpoint_files import read_checkpoint, require_tensors
from marrowscope.models.input_transform import Transform, TransformFacts, read_transform
from marrowscope.models.knn_head import KnnHead
from marrowscope.models.timm_backbone import TimmTrunk, fill_timm, timm_trunk
from marrowscope.models.vit import VisionTransformer
from marrowscope.models.vit_weights import vit_from_bundle, vit_from_weights


class Backbone(nn.Module):
    """(N, 3, 250, 250) float RGB in [0, 1] → (N, outputs) logits."""

    def __init__(
        self, transform: Transform, trunk: VisionTransformer | TimmTrunk, head: nn.Module
    ) -> None:
        super().__init__()
        self.transform, self.trunk, self.head = transform, trunk, head

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """(N, width) of the trunk."""
        found: torch.Tensor = self.trunk(self.transform(images))
        return found

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """As the class says."""
        logits: torch.Tensor = self.head(self.features(images))
        return logits


def backbone_from_file(model: str, weights: Path, outputs: int) -> Backbone:
    """A backbone with weights from disk and a last layer at its random start.

    Args:
        model: ``vit`` or ``timm:NAME``.
        weights: safetensors file or torch checkpoint.
        outputs: of the last layer.

    Raises:
        InputError: the file, or the JSON file beside it, is not what it should be; one line.
    """
    if model == VIT:
        facts = read_transform(weights)
        trunk: VisionTransformer | TimmTrunk = vit_from_weights(
            read_checkpoint(weights), facts.size, str(weights)
        )
    else:
        usual = timm_trunk(model)[1]
        facts = read_transform(weights, usual)
        built = timm_trunk(model, None if facts.size == usual.size else facts.size)[0]
        fill_timm(built, read_checkpoint(weights), str(weights))
        trunk = built
    return Backbone(Transform(facts), trunk, nn.Linear(trunk.width, outputs))


def backbone_from_bundle(
    model: str, tensors: Mapping[str, torch.Tensor], outputs: int, source: str
) -> Backbone:
    """Check the tensors of a bundle and make the module.

    Raises:
        InputError: names the first tensor that does not fit.
    """
    transform = _transform(_below(tensors, "transform."), source)
    inside = _below(tensors, "trunk.")
    if model == VIT:
        vit = vit_from_bundle(inside, source)
        trunk: VisionTransformer | TimmTrunk = vit
        side = vit.shape.grid * vit.shape.patch
        if len(transform.matrix) != side:
            raise InputError(
                f"{source}: the transform gives {len(transform.matrix)} px, the network takes "
                f"{side} px"
            )
    else:
        trunk = timm_trunk(model, len(transform.matrix))[0]
        require_tensors(inside, trunk.state_dict(), source)
        trunk.load_state_dict(inside)
    head = _head(_below(tensors, "head."), trunk.width, outputs, source)
    for name in tensors:
        if not name.startswith(("transform.", "trunk.", "head.")):
            raise InputError(f"{source}: unexpected tensor {name}")
    return Backbone(transform, trunk, head)


def _transform(found: dict[str, torch.Tensor], source: str) -> Transform:
    matrix = found.get("matrix")
    if matrix is None or matrix.dim() != 2 or not 16 <= len(matrix) <= 1024:
        raise InputError(f"{source}: tensor transform.matrix is missing or has another shape")
    transform = Transform(replace(TransformFacts(), size=len(matrix)))
    require_tensors(found, transform.state_dict(), source)
    if (found["std"] <= 0).any():
        raise InputError(f"{source}: transform.std must be positive")
    transform.load_state_dict(found)
    return transform


def _head(found: dict[str, torch.Tensor], width: int, outputs: int, source: str) -> nn.Module:
    if "bank" not in found:
        head = nn.Linear(width, outputs)
        require_tensors(found, head.state_dict(), source)
        head.load_state_dict(found)
        return head
    cells, classes = (
        len(found[name]) if name in found and found[name].dim() else 0
        for name in ("bank", "shares")
    )
    with torch.device("meta"):
        pattern = KnnHead(
            torch.empty(cells, width),
            torch.empty(cells, dtype=torch.int64),
            torch.empty(classes, outputs),
            1,
        )
    require_tensors(found, pattern.state_dict(), source)
    k, member = int(found["k"]), found["member"]
    places = member.dtype == torch.int64 and cells and member.min() >= 0 and member.max() < classes
    if not places or not 1 <= k <= cells or (found["shares"] < 0).any():
        raise InputError(f"{source}: the neighbours in its last layer do not fit each other")
    return KnnHead(found["bank"].float(), member, found["shares"].float(), k)


def _below(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
