"""From a network to the tensors of a bundle and back, with every tensor checked; needs torch.

Weights of two and more dimensions may be stored in half precision (F16). The network has float32
all the same: what is stored is a network whose weights were rounded before.
"""

import copy
from pathlib import Path

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from marrowscope.errors import InputError
from marrowscope.models import create
from marrowscope.models.architectures import FEATURES, is_backbone
from marrowscope.models.card import Card

TORCH_VERSION = torch.__version__.split("+")[0]


def encoded_tensors(model: nn.Module, half: bool = False) -> bytes:
    """The tensors of a network as a safetensors file.

    Args:
        model: the network; for ``half`` one that ``rounded_to_half`` gave.
        half: store weights of two and more dimensions in half precision.
    """
    tensors = model.state_dict()
    if half:
        tensors.update({name: weight.detach().half() for name, weight in _wide(model).items()})
    return save_tensors(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    )


def rounded_to_half(model: nn.Module) -> nn.Module:
    """A copy whose weights of two and more dimensions are float32 numbers that F16 has, too.

    What is one number per channel (biases, normalization) stays as it is, and so do buffers.

    Raises:
        InputError: a weight is too large for F16.
    """
    rounded = copy.deepcopy(model)
    with torch.no_grad():
        for name, weight in _wide(rounded).items():
            near = weight.half()
            if not near.isfinite().all():
                raise InputError(f"tensor {name} holds weights too large for half precision")
            weight.copy_(near)
    return rounded


def _wide(model: nn.Module) -> dict[str, torch.Tensor]:
    """Weights of two and more dimensions, which are nearly all of a network."""
    return {
        name: weight
        for name, weight in model.named_parameters()
        if weight.dim() >= 2 and weight.dtype == torch.float32
    }


def network_of(card: Card, data: bytes, path: Path) -> nn.Module:
    """The network that a card names, in evaluation mode, with the tensors of a safetensors file.

    Args:
        card: architecture and outputs.
        data: content of the file, whose checksum was compared.
        path: of the file, for messages.

    Raises:
        InputError: a tensor is missing, unknown, of another shape or type, or makes no sense.
    """
    tensors = load_tensors(data)
    if card.architecture == FEATURES:
        from marrowscope.models.features_svm import from_tensors

        return from_tensors(tensors, len(card.outputs), len(card.known), str(path)).eval()
    tensors = {
        name: tensor.float() if tensor.dtype == torch.float16 and tensor.dim() >= 2 else tensor
        for name, tensor in tensors.items()
    }
    if is_backbone(card.architecture):
        from marrowscope.models.backbone import backbone_from_bundle

        outputs = len(card.outputs)
        backbone = backbone_from_bundle(card.architecture, tensors, outputs, str(path))
        return backbone.eval().requires_grad_(False)
    model = create(card.architecture, len(card.outputs))
    _check_tensors(model.state_dict(), tensors, path)
    model.load_state_dict(tensors)
    return model.eval().requires_grad_(False)


def _check_tensors(
    expected: dict[str, torch.Tensor], found: dict[str, torch.Tensor], path: Path
) -> None:
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            raise InputError(f"{path}: tensor {name} is missing")
        if name not in expected:
            raise InputError(f"{path}: unexpected tensor {name}")
        wanted, got = expected[name], found[name]
        if wanted.shape != got.shape or wanted.dtype != got.dtype:
            raise InputError(
                f"{path}: tensor {name} is {tuple(got.shape)} {got.dtype}; "
                f"the network needs {tuple(wanted.shape)} {wanted.dtype}"
            )
