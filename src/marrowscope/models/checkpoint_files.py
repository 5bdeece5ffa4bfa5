"""Tensors out of a weights file that somebody published: safetensors, or a torch checkpoint.

A torch checkpoint is a pickle. It is read with ``weights_only``, which builds tensors and plain
containers and refuses everything else, so that no code of the file runs.
"""

import pickle
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from marrowscope.errors import InputError
from marrowscope.models.start_weights import read_tensors

TORCH_SUFFIXES = (".pth", ".pt", ".bin", ".ckpt")
SUFFIXES = (".safetensors", *TORCH_SUFFIXES)
MAX_BYTES = 16_000_000_000
_DEEPEST = 4  # containers within containers, such as teacher → backbone


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of a file, by name; names of containers come first, with dots between.

    Raises:
        InputError: the file cannot be read, is no weights file, or holds more than tensors.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: not a weights file; expected one of {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise InputError(f"{path}: {'not a regular file' if path.exists() else 'no such file'}")
    if path.suffix.lower() == ".safetensors":
        return read_tensors(path)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(f"{path}: {size / 1e9:.1f} GB; at most {MAX_BYTES / 1e9:.0f} are read")
    tensors = dict(_named(_unpickled(path), "", 0))
    for name, tensor in tensors.items():
        # A few bytes can be spread over any shape; weights never are.
        if tensor.is_sparse or tensor.numel() * tensor.element_size() > size:
            raise InputError(
                f"{path}: tensor {name} is not a plain tensor; the file does not hold weights"
            )
    if not tensors:
        raise InputError(f"{path}: holds no tensors; it is not a weights file")
    return tensors


def list_names(names: Any) -> str:
    """A few names, for a message."""
    listed = sorted(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")


def require_tensors(
    found: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], source: str
) -> None:
    """Compare names and shapes, and refuse values that are not finite.

    Raises:
        InputError: names the first difference.
    """
    for name in [*wanted, *sorted(found.keys() - wanted.keys())]:
        if name not in found:
            raise InputError(f"{source}: tensor {name} is missing")
        if name not in wanted:
            raise InputError(f"{source}: unexpected tensor {name}")
        if found[name].shape != wanted[name].shape:
            raise InputError(
                f"{source}: tensor {name} is {tuple(found[name].shape)}; expected "
                f"{tuple(wanted[name].shape)}"
            )
        if not bool(torch.isfinite(found[name]).all()):
            raise InputError(f"{source}: tensor {name} holds values that are not finite")


def _unpickled(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported" in str(error) or "GLOBAL" in str(error):
            raise InputError(
                f"{path}: holds Python objects besides tensors, which are not loaded because they "
                "could run code; convert it to safetensors where you trust it"
            ) from None
        raise _unreadable(path, error) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # torch raises whatever the damaged part made it stumble over
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:80] or type(error).__name__
    return InputError(f"{path}: not a PyTorch checkpoint, or a damaged one ({reason})")


def _named(content: Any, prefix: str, depth: int) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(content, torch.Tensor):
        yield prefix or "tensor", content
    elif isinstance(content, Mapping) and depth < _DEEPEST:
        for name, inner in content.items():
            if isinstance(name, str):
                yield from _named(inner, f"{prefix}.{name}" if prefix else name, depth + 1)
