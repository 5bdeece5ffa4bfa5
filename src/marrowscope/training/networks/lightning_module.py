"""A network and a recipe → a Lightning module: augmentation, loss, weight average.

Nothing in a step depends on a random generator's state, on the batch before, or on how often the
run was interrupted: learning rate, augmentation and mixing follow from the number of the step.
"""

import copy
import math
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import nn
from torch.nn.functional import one_hot

from marrowscope.augment import augment_batch, draw_parameters
from marrowscope.augment.augmentation_parameters import uniforms
from marrowscope.models.outputs import OutputMap
from marrowscope.training.networks.batch_stream import Batch
from marrowscope.training.networks.compiled_step import Forward
from marrowscope.training.recipe import Recipe

# Streams of their own, apart from the augmentation's.
_MIXUP_EPOCH, _DROPOUT_EPOCH = 1 << 40, 1 << 41


class SteppedModule(pl.LightningModule):  # type: ignore[misc]  # lightning has no types here
    """A network whose every step follows from its number, with the optimizer of a recipe."""

    def __init__(self, network: nn.Module, recipe: Recipe, steps: int, seed: int) -> None:
        super().__init__()
        self.network = network
        self.average = copy.deepcopy(network).requires_grad_(False) if recipe.average else None
        self.recipe, self.steps, self.seed = recipe, steps, seed
        # Takes the network's place in a training step where that is faster.
        self.compiled: Forward | None = None
        # Losses since they were last looked at: looking at each would stall a GPU.
        self.recent_losses: list[torch.Tensor] = []

    @property
    def result(self) -> nn.Module:
        """The network that predictions are made with."""
        return self.network if self.average is None else self.average

    def on_train_batch_start(self, batch: Any, batch_index: int) -> None:
        """Set the learning rate of this step, and torch's generator for layers that draw."""
        step = self.trainer.global_step
        torch.manual_seed(_step_seed(self.seed, step))
        rate = learning_rate(self.recipe, step, self.steps)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam or AdamW; one-dimensional parameters are not decayed."""
        parameters = list(self.network.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim > 1]},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.recipe.optimizer]
        optimizer: torch.optim.Optimizer = kind(
            groups,
            lr=self.recipe.learning_rate,
            weight_decay=self.recipe.weight_decay,
            fused=True,
        )
        return optimizer

    def view(self, batch: Batch, seed: int) -> torch.Tensor:
        """Augmented images of a batch, (N, 3, H, W) in [0, 1], as ``seed`` draws them."""
        drawn = draw_parameters(self.recipe.augmentation, seed, batch.epoch, batch.positions)
        # Images come in the precision that the first layer would round them to.
        kind, rounded = self.device.type, not self.recipe.mixup
        rounded = rounded and torch.is_autocast_enabled(kind)
        dtype = torch.get_autocast_dtype(kind) if rounded else torch.float32
        # In float32: autocast would round sampling positions to whole pixels.
        with torch.autocast(kind, enabled=False):
            return augment_batch(
                batch.pixels, batch.stains, drawn.to(self.device), batch.rows, dtype, batch.rendered
            )


class TrainingModule(SteppedModule):
    """Trains ``network``; ``average`` is what becomes the model when the recipe averages."""

    def __init__(
        self, network: nn.Module, outputs: OutputMap, recipe: Recipe, steps: int, seed: int
    ) -> None:
        super().__init__(network, recipe, steps, seed)
        self.outputs = outputs
        known = [place for place, code in enumerate(outputs.classes) if code in outputs.known]
        self.register_buffer("known", torch.tensor(known), persistent=False)

    def training_step(self, batch: Batch, batch_index: int) -> torch.Tensor:
        """Loss of one batch; targets are indices into the known classes."""
        images, wanted = self._augmented(batch)
        logits = (self.compiled or self.network)(images)
        log_probabilities = self.outputs.log_probabilities(logits)[:, self.known]
        loss = -(wanted * log_probabilities).sum(dim=1).mean()
        self.recent_losses.append(loss.detach())
        return loss

    def _augmented(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (N, 3, H, W) in [0, 1] and soft targets (N, known classes)."""
        images = self.view(batch, self.seed)
        with torch.autocast(self.device.type, enabled=False):
            wanted = self._soft_targets(batch.targets)
            return self._mix(images, wanted) if self.recipe.mixup else (images, wanted)

    def _soft_targets(self, targets: torch.Tensor) -> torch.Tensor:
        count = len(self.known)
        share = self.recipe.label_smoothing
        return one_hot(targets, count).float() * (1 - share) + share / count

    def _mix(self, images: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Blend every image with its neighbour in the batch (Zhang et al., ICLR 2018)."""
        position = np.array([self.trainer.global_step])
        draw = uniforms(self.seed, _MIXUP_EPOCH, position, 1)[0, 0]
        share = float(_beta_quantile(draw, self.recipe.mixup))
        share = max(share, 1 - share)
        return (
            share * images + (1 - share) * images.roll(1, 0),
            share * wanted + (1 - share) * wanted.roll(1, 0),
        )


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Learning rate of a step (0-based): constant, or linear warm-up and cosine to zero."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    warm = max(1, round(recipe.warmup * steps))
    if step < warm:
        return recipe.learning_rate * (step + 1) / warm
    progress = (step - warm) / max(1, steps - warm)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


@torch.no_grad()
def update_weight_average(
    average: list[torch.Tensor], network: list[torch.Tensor], decay: float
) -> None:
    """average ← decay·average + (1 − decay)·network; counters are copied.

    Args:
        average, network: the values of both state dictionaries (parameters and normalization
            statistics), in the same order; ``average`` is changed.
        decay: in [0, 1].
    """
    pairs = list(zip(average, network, strict=True))
    smooth = [pair for pair in pairs if pair[0].dtype.is_floating_point]
    torch._foreach_lerp_([ours for ours, _ in smooth], [theirs for _, theirs in smooth], 1 - decay)
    for ours, theirs in pairs:
        if not ours.dtype.is_floating_point:
            ours.copy_(theirs)


def _step_seed(seed: int, step: int) -> int:
    return int(uniforms(seed, _DROPOUT_EPOCH, np.array([step]), 1)[0, 0] * 2**53)


def _beta_quantile(probability: float, parameter: float) -> float:
    """Quantile of Beta(a, a) by inverting the distribution on a fine grid."""
    grid = np.linspace(0, 1, 4097)[1:-1]
    density = (grid * (1 - grid)) ** (parameter - 1)
    cumulative = np.cumsum(density)
    return float(np.interp(probability, cumulative / cumulative[-1], grid))
