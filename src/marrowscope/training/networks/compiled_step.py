"""A network → a faster forward pass, where a trial on this machine shows that it pays.

Normalization and rectifiers that follow a convolution are read and written by kernels of their own
unless they are compiled into one; how much that is worth depends on network and GPU, and compiling
takes a minute. So both ways are tried on one random batch, forward and backward, and only a run
that is long enough pays for the trial.
"""

import time
from collections.abc import Callable

import torch
from torch import nn

from marrowscope.preprocessing import INPUT_SIZE

Forward = Callable[[torch.Tensor], torch.Tensor]
# A run that takes less than this is done before compiling could pay.
WORTH_SECONDS = 600.0
# Compiled steps must be this much faster, for a trial of a few steps tells no less.
MIN_GAIN = 1.03
_WARM_UP, _STEPS = 3, 10


def faster_forward(
    network: nn.Module,
    batch_size: int,
    half: bool,
    device: str,
    steps: int,
    say: Callable[[str], None],
    backend: str = "inductor",
) -> Forward | None:
    """Compile a network if that makes its training steps faster.

    Args:
        network: on the device or not; it is moved there. Neither its weights nor its statistics
            are changed.
        batch_size: images per step.
        half: bf16 autocast.
        device: ``cpu`` or ``cuda``. Only on CUDA anything is tried: on a CPU a resumed run has to
            come to the same bits wherever it continues.
        steps: that are to be done.
        say: is told what was found, in one line.
        backend: of ``torch.compile``.

    Returns:
        What to call instead of the network, or None where that is the network itself.
    """
    if device != "cuda":
        return None
    return _tried(network, batch_size, half, torch.device(device), steps, say, backend)


def compiled(network: nn.Module, backend: str = "inductor") -> Forward:
    """The network's forward pass, compiled for one size of batch; weights stay where they are."""
    optimized: Forward = torch.compile(network, backend=backend, dynamic=False)

    def forward(images: torch.Tensor) -> torch.Tensor:
        # A function: a module assigned to a module would be saved twice.
        logits: torch.Tensor = optimized(images)
        return logits

    return forward


def _tried(
    network: nn.Module,
    batch_size: int,
    half: bool,
    device: torch.device,
    steps: int,
    say: Callable[[str], None],
    backend: str,
) -> Forward | None:
    network.to(device).train()
    images = torch.rand(batch_size, 3, INPUT_SIZE, INPUT_SIZE, device=device)
    images = images.to(torch.bfloat16 if half else torch.float32, memory_format=torch.channels_last)
    kept = {name: buffer.clone() for name, buffer in network.named_buffers()}
    quick = compiled(network, backend)
    try:
        plain = _seconds(network, images, half)
        if plain * steps < WORTH_SECONDS:
            return None
        try:
            fast = _seconds(quick, images, half)
        except Exception as error:  # a compiler fails in many ways
            if isinstance(error, torch.OutOfMemoryError):
                raise
            reason = " ".join(str(error).split())[:120]
            say(f"steps are not compiled: {reason}")
            return None
    finally:
        network.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, buffer in network.named_buffers():
                buffer.copy_(kept[name])
    gain = plain / fast
    used = gain >= MIN_GAIN
    say(f"compiled steps are {gain:.2f} times as fast and are {'' if used else 'not '}used")
    return quick if used else None


def _seconds(forward: Forward, images: torch.Tensor, half: bool) -> float:
    """Time of one forward and backward pass."""
    began = 0.0
    for number in range(_WARM_UP + _STEPS):
        if number == _WARM_UP:
            began = _now(images.device)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
            loss = forward(images).float().square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
    return (_now(images.device) - began) / _STEPS


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
