"""A device as a user names it (auto, cpu, cuda) → the one that computes."""

import ctypes
import os
import sys
from importlib.util import find_spec

from marrowscope.errors import InputError

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(device: str) -> str:
    """``cpu`` or ``cuda``; ``auto`` is CUDA where PyTorch finds a GPU.

    PyTorch takes a second to import and may not be installed, so it is only asked where there is a
    driver of a GPU.

    Raises:
        InputError: an unknown device.
    """
    if device not in DEVICES:
        raise InputError(f"`device` {device}: expected auto, cpu or cuda")
    if device != "auto":
        return device
    if not has_gpu_driver() or find_spec("torch") is None:
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def has_gpu_driver() -> bool:
    """Whether a driver for GPUs is installed: NVIDIA's, or AMD's, which PyTorch calls cuda too."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return os.path.exists("/dev/kfd")
    return True
