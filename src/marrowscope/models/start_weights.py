"""Start weights: a network begins with the values of another one of the same kind.

The file is safetensors: what ``pretrain`` writes, the ``model.safetensors`` of a bundle, or a state
dictionary saved by other means. Nothing is unpickled.
"""

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from marrowscope.errors import InputError

HEAD = "head."  # the last layer: another number of classes starts at random
MAX_BYTES = 8_000_000_000


def load_start_weights(model: nn.Module, path: Path) -> tuple[str, ...]:
    """Copy every tensor of a file into a network.

    Args:
        model: is changed. Its last layer (names beginning with ``head.``) may be missing in the
            file or have another shape; it then keeps its random start.
        path: safetensors file.

    Returns:
        Names of the tensors that keep their random start.

    Raises:
        InputError: the file cannot be read, or holds another network; the model is not changed.
    """
    return transfer_weights(model, read_tensors(path), path)


def transfer_weights(
    model: nn.Module, found: dict[str, torch.Tensor], path: Path
) -> tuple[str, ...]:
    """As ``load_start_weights``, with tensors that were read from ``path`` already."""
    own = model.state_dict()
    body = [name for name in own if not name.startswith(HEAD)]
    missing = [name for name in body if name not in found]
    foreign = [name for name in found if name not in own]
    if missing or foreign:
        named = missing or foreign
        raise InputError(
            f"{path}: weights of another network ({'lacks' if missing else 'has'} {named[0]}; "
            f"{len(named)} of {len(own)} tensors); name weights of the network that is trained"
        )
    for name in body:
        if found[name].shape != own[name].shape:
            raise InputError(
                f"{path}: weights of another network ({name} is {tuple(found[name].shape)}, "
                f"expected {tuple(own[name].shape)}); name weights of the network that is trained"
            )
        if found[name].is_floating_point() and not bool(torch.isfinite(found[name]).all()):
            raise InputError(f"{path}: {name} is not finite; these weights are damaged")
    head = [name for name in own if name.startswith(HEAD)]
    fitting = all(name in found and found[name].shape == own[name].shape for name in head)
    taken = [*body, *head] if fitting else body
    model.load_state_dict({**own, **{name: found[name] for name in taken}})
    return () if fitting else tuple(head)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of a safetensors file.

    Raises:
        InputError: it is too large, cannot be read, or is something else.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path}: {size / 1e9:.1f} GB; at most {MAX_BYTES / 1e9:.0f} are read")
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{path}: not a safetensors file ({reason}); pickles are not read"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def checksum(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
