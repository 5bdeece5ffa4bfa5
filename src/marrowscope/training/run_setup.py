"""A model's name, weights and head → the network that training starts from, and its device."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from marrowscope.errors import InputError
from marrowscope.models import NAMES, create
from marrowscope.models.architectures import (
    FEATURES,
    FINETUNE,
    HEADS,
    LINEAR,
    TIMM,
    VIT,
    is_backbone,
)
from marrowscope.models.backbone import Backbone, backbone_from_file
from marrowscope.models.card import Card
from marrowscope.models.checkpoint_files import read_checkpoint
from marrowscope.models.imagenet_weights import IMAGENET, imagenet_weights, weights_source
from marrowscope.models.input_transform import Transform
from marrowscope.models.start_weights import checksum, transfer_weights
from marrowscope.models.tensor_names import from_efficientnet_names, from_torchvision_names

Say = Callable[[str | None], None]


@dataclass(frozen=True)
class StartingPoint:
    """Weights to start from, checked against the model that they are for.

    Attributes:
        model: name of the network.
        weights: their file; None for random ones.
        head: what is put on a backbone and how it is trained; None for other networks.
    """

    model: str
    weights: Path | None = None
    head: str | None = None

    @property
    def is_linear_probe(self) -> bool:
        """Whether the backbone stays as it is and only its features are learned from."""
        return self.head is not None and self.head != FINETUNE

    def identity(self) -> dict[str, Any]:
        """What a resume must agree with.

        Raises:
            InputError: the weights cannot be read.
        """
        beside = None if self.weights is None else self.weights.with_suffix(".json")
        stated = self.head is not None and beside is not None and beside.exists()
        return {
            "weights_sha256": None if self.weights is None else checksum(self.weights),
            "head": self.head,
            "transform_sha256": checksum(beside) if beside is not None and stated else None,
        }


def choose_starting_point(model: str, weights: Path | None, head: str | None) -> StartingPoint:
    """Check what was asked for.

    Args:
        model: name of a network, a backbone or the feature-based baseline.
        weights: a file, or ``imagenet`` for those that are installed as a package.
        head: of a backbone.

    Raises:
        InputError: an unknown model or head, a backbone without weights, a head or weights for
            a model that takes none, or weights that are not installed.
    """
    if is_backbone(model):
        if weights is None:
            raise InputError(
                f"`model` {model}: needs `weights`, a file on disk; none are downloaded"
            )
        if head not in (None, *HEADS):
            raise InputError(f"`head` {head}: expected {', '.join(HEADS)}")
        return StartingPoint(model, weights, head or LINEAR)
    if model not in (*NAMES, FEATURES):
        names = ", ".join((*NAMES, FEATURES, VIT, TIMM + "NAME"))
        raise InputError(f"`model` {model}: choose one of {names}")
    if head is not None:
        raise InputError(f"`head` {head}: only for `model={VIT}` and {TIMM}NAME")
    if model == FEATURES and weights is not None:
        raise InputError(f"`weights` {weights}: {FEATURES} is not a network and has no start")
    if weights == Path(IMAGENET):
        weights = imagenet_weights(model)
    return StartingPoint(model, weights)


def default_recipe(model: str) -> str:
    """Name of the recipe where none was chosen."""
    return "finetune" if is_backbone(model) else "default"


def new_network(start: StartingPoint, outputs: int, seed: int, say: Say) -> nn.Module:
    """The network as training begins.

    Raises:
        InputError: the weights are not those of this network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if start.head is not None and start.weights is not None:
            network: nn.Module = backbone_from_file(start.model, start.weights, outputs)
            left: tuple[str, ...] = ("head.weight", "head.bias")
        else:
            network = create(start.model, outputs)
            left = ()
            if start.weights is not None:
                published = from_torchvision_names(read_checkpoint(start.weights))
                found = from_efficientnet_names(published)
                left = transfer_weights(network, found, start.weights)
    if start.weights is not None:
        rest = f"; {', '.join(left)} start at random" if left else ""
        say(f"starts from {start.weights}{rest}")
    return network


def card_for(start: StartingPoint, card: Card, network: nn.Module) -> Card:
    """The card with what the network started from, and the transform that travels with it."""
    facts: dict[str, Any] = {}
    if start.weights is not None:
        facts["start_weights"] = start.weights.name
        facts["start_weights_sha256"] = checksum(start.weights)
        facts |= weights_source(start.model, start.weights)
    if isinstance(network, Backbone):
        facts["head"] = start.head
    preprocessing = card.preprocessing
    transform = getattr(network, "transform", None)
    if isinstance(transform, Transform):
        facts["transform"] = transform.facts.to_dict()
        preprocessing = transform.facts.description()
    return replace(card, recipe={**card.recipe, **facts}, preprocessing=preprocessing)


def choose_device(device: str) -> str:
    """The device that ``auto`` stands for; others as they are.

    Raises:
        InputError: an unknown device, or CUDA where there is none.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"`device` {device}: expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("`device` cuda: no CUDA device is available here")
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
