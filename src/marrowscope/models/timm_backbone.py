"""Networks of timm, if it is installed, with weights that a user has on disk.

timm is an optional extra and imported only here. It is asked for structures, never for weights:
nothing is downloaded.
"""

import re
from dataclasses import replace
from importlib import import_module
from typing import Any

import torch
from torch import nn

from marrowscope.errors import InputError
from marrowscope.models.architectures import TIMM
from marrowscope.models.checkpoint_files import require_tensors
from marrowscope.models.input_transform import KERNELS, TransformFacts

# A plain name: with a colon or slash timm would fetch something.
_PLAIN = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?")
_HEADS = ("head.", "head_dist.", "fc.", "classifier.", "last_linear.")


class TimmTrunk(nn.Module):
    """(N, 3, S, S) normalized → (N, width) pooled features."""

    def __init__(self, network: nn.Module, size: int) -> None:
        """Find the width by a pass of one image.

        timm's ``num_features`` is that of the last stage, which in some networks (MobileNetV3) is
        not what the classifier gets.

        Raises:
            ValueError: the network does not give one vector per image.
        """
        super().__init__()
        self.network = network
        training = network.training
        with torch.inference_mode():
            found = network.eval()(torch.zeros(1, 3, size, size))
        network.train(training)
        if not isinstance(found, torch.Tensor) or found.dim() != 2:
            raise ValueError("it gives no vector of features")
        self.width = found.shape[1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As the class says."""
        features: torch.Tensor = self.network(x)
        return features


def timm_trunk(model: str, size: int | None = None) -> tuple[TimmTrunk, TransformFacts]:
    """An untrained network without its last layer, and the transform that timm states for it.

    Args:
        model: ``timm:NAME``.
        size: side of the input; default: the network's own.

    Raises:
        InputError: timm is not there or does not work, or has no such network.
    """
    name = model.removeprefix(TIMM)
    if not _PLAIN.fullmatch(name):
        raise InputError(f"{model}: expected timm:NAME with a name of timm.list_models()")
    timm = _timm(model)
    try:
        with torch.random.fork_rng(devices=[]):
            network = _created(timm, name, size)
    except Exception as error:  # timm raises many kinds
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{model}: timm has no such network ({reason})") from None
    stated: dict[str, Any] = dict(getattr(network, "pretrained_cfg", None) or {})
    side = size or int(stated.get("input_size", (3, 224, 224))[1])
    try:
        trunk = TimmTrunk(network, side)
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{model}: cannot take images of {side} px ({reason})") from None
    kernel = stated.get("interpolation", "bicubic")
    colours: dict[str, Any] = {key: tuple(stated[key]) for key in ("mean", "std") if key in stated}
    facts = replace(
        TransformFacts(),
        size=side,
        interpolation=kernel if kernel in KERNELS else "bicubic",
        **colours,
    )
    return trunk, facts


def fill_timm(trunk: TimmTrunk, tensors: dict[str, torch.Tensor], source: str) -> None:
    """Copy a file's tensors into the network; its classifier is left out.

    Raises:
        InputError: names the first tensor that does not fit.
    """
    wanted = trunk.network.state_dict()
    prefixes = ("", "state_dict.", "model.", "module.", "state_dict.module.")
    prefix = max(prefixes, key=lambda start: sum(start + name in tensors for name in wanted))
    inside = {
        name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)
    }
    found = {
        name: tensor
        for name, tensor in inside.items()
        if name in wanted or not name.startswith(_HEADS)
    }
    require_tensors(found, wanted, source)
    trunk.network.load_state_dict(found)


def _created(timm: Any, name: str, size: int | None) -> nn.Module:
    make: Any = timm.create_model
    if size is not None:
        try:  # transformers are built for one size
            network: nn.Module = make(name, pretrained=False, num_classes=0, img_size=size)
            return network
        except TypeError:
            pass  # convolutional networks take any
    network = make(name, pretrained=False, num_classes=0)
    return network


def _timm(model: str) -> Any:
    try:
        # An optional extra; as it needs a matching torchvision, it is not always there.
        timm = import_module("timm")
    except ImportError:
        raise InputError(
            f"{model}: timm is not installed; pip install 'marrowscope[timm]'"
        ) from None
    except Exception as error:  # built for another torch
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{model}: timm does not work with this torch ({reason})") from None
    return timm
