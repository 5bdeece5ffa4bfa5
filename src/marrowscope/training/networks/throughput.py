"""Training steps → how fast they are, beside the network alone."""

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from marrowscope.preprocessing import INPUT_SIZE
from marrowscope.training.networks.compiled_step import compiled

WARM_UP = 5  # steps in which code is compiled and memory is found
MIN_STEPS = 20  # fewer say little
# The network alone is measured for this share of the run's own time, and not below the seconds.
BARE_SHARE, BARE_SECONDS = 0.02, 1.0


@dataclass(frozen=True)
class Throughput:
    """Steps per second of a run and of its network alone, on the same machine right after it.

    Attributes:
        batch_size: images per step.
        steps_per_second: of the whole loop: order, pixels, augmentation, network, optimizer,
            average, logs. Checks on held-out cells and checkpoints are left out. None where too
            few steps were made.
        bare_steps_per_second: forward, backward and optimizer on one resident random batch.
    """

    batch_size: int
    steps_per_second: float | None
    bare_steps_per_second: float | None

    @property
    def images_per_second(self) -> float | None:
        """Augmented images per second of the whole loop."""
        return None if self.steps_per_second is None else self.steps_per_second * self.batch_size

    @property
    def ratio(self) -> float | None:
        """Share of the bare network's speed that training reaches."""
        if self.steps_per_second is None or self.bare_steps_per_second is None:
            return None
        return self.steps_per_second / self.bare_steps_per_second

    def sentence(self) -> str:
        """What a person reads."""
        if self.steps_per_second is None or self.images_per_second is None:
            return "too few steps to measure the speed"
        line = f"{self.images_per_second:.0f} images/s, {self.steps_per_second:.2f} steps/s"
        if self.bare_steps_per_second is None or self.ratio is None:
            return line
        bare = f"{self.bare_steps_per_second:.2f} steps/s"
        return f"{line}; the bare network right after: {bare}, ratio {self.ratio:.2f}"

    def to_dict(self) -> dict[str, float | None]:
        """Plain data for JSON."""
        return {
            "images_per_second": self.images_per_second,
            "steps_per_second": self.steps_per_second,
            "bare_steps_per_second": self.bare_steps_per_second,
            "ratio_to_bare_network": self.ratio,
        }


class StepClock(pl.Callback):  # type: ignore[misc]  # lightning has no types here
    """Times the steps of a run without waiting for a GPU between them."""

    def __init__(self) -> None:
        self._steps, self._began, self._paused, self._seconds = 0, 0.0, 0.0, 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Count; the first steps only start the clock."""
        self._steps += 1
        if self._steps == WARM_UP:
            self._began, self._paused = _now(module.device), 0.0

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Stop."""
        if self._began:
            self._seconds = _now(module.device) - self._began - self._paused

    @contextmanager
    def paused(self, device: torch.device) -> Iterator[None]:
        """What happens inside does not count as part of a step."""
        begin = _now(device)
        yield
        self._paused += time.perf_counter() - begin

    @property
    def steps_per_second(self) -> float | None:
        """None where too few steps were made."""
        counted = self._steps - WARM_UP
        return counted / self._seconds if counted >= MIN_STEPS and self._seconds > 0 else None


def bare_steps_per_second(
    network: nn.Module,
    outputs: int,
    batch_size: int,
    half: bool,
    device: str,
    steps_per_second: float | None,
    steps: int,
    compile_it: bool = False,
) -> float | None:
    """Speed of forward, backward and a fused AdamW step on one resident random batch.

    Args:
        network: is copied.
        outputs: number of outputs.
        batch_size: images per step.
        half: bf16 autocast.
        device: ``cpu`` or ``cuda``.
        steps_per_second, steps: of the run, so that this measurement stays short beside it.
        compile_it: as the run's own steps were.

    Returns:
        None where the run itself was too short to compare with.
    """
    if steps_per_second is None:
        return None
    seconds = max(BARE_SECONDS, BARE_SHARE * steps / steps_per_second)
    place = torch.device(device)
    alone = copy.deepcopy(network).to(place).requires_grad_(True).train()
    forward = compiled(alone) if compile_it else alone
    optimizer = torch.optim.AdamW(alone.parameters(), lr=1e-6, fused=True)
    images = torch.rand(batch_size, 3, INPUT_SIZE, INPUT_SIZE, device=place)
    images = images.to(torch.bfloat16 if half else torch.float32, memory_format=torch.channels_last)
    targets = torch.arange(batch_size, device=place) % outputs

    def step() -> None:
        with torch.autocast(place.type, torch.bfloat16, enabled=half):
            loss = cross_entropy(forward(images), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    for _ in range(WARM_UP):
        step()
    done, begin = 0, _now(place)
    while done < 3 or _now(place) - begin < seconds:
        for _ in range(3):
            step()
        done += 3
    return done / (_now(place) - begin)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
