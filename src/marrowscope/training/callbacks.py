"""What happens between steps: looking at the loss, checkpoints, early sight of recall."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from marrowscope.errors import InputError
from marrowscope.files import replacing
from marrowscope.training.module import TrainingModule, update_average

LOOK_EVERY = 20  # steps between two looks at the loss


class AverageWeights(pl.Callback):  # type: ignore[misc]  # lightning has no types here
    """Updates the running average of weights and of normalization statistics after every step.

    Not in the module's own hook, which Lightning calls after those of the callbacks: a checkpoint
    would then hold the weights of this step and the average of the one before.
    """

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: TrainingModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Early steps use a shorter memory: the first weights are worth little."""
        if module.average is not None:
            step = trainer.global_step
            decay = min(module.recipe.average, step / (step + 9))
            update_average(module.average, module.network, decay)


class LossWatch(pl.Callback):  # type: ignore[misc]  # lightning has no types here
    """Logs the mean loss every few steps and stops at the first loss that is not finite."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: TrainingModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Look when it is time."""
        if trainer.global_step % LOOK_EVERY == 0 or trainer.global_step == module.steps:
            self.look(trainer, module)

    def look(self, trainer: pl.Trainer, module: TrainingModule) -> None:
        """Fetch the losses since the last look.

        Raises:
            InputError: one of them is not finite; names the step.
        """
        if not module.recent_losses:
            return
        losses = torch.stack(module.recent_losses).cpu().tolist()
        module.recent_losses.clear()
        for place, loss in enumerate(losses):
            if not math.isfinite(loss):
                step = trainer.global_step - len(losses) + place + 1
                raise InputError(
                    f"the loss became {loss} at step {step}; lower learning_rate in the recipe "
                    "and start again (the last checkpoint before it is kept)"
                )
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        _log(trainer, {"loss": sum(losses) / len(losses), "learning_rate": rate})


class Checkpoints(pl.Callback):  # type: ignore[misc]  # lightning has no types here
    """Keeps one checkpoint, never older than ``seconds`` (or ``steps``), replaced in one rename."""

    def __init__(self, path: Path, watch: LossWatch, seconds: float, steps: int | None) -> None:
        self._path, self._watch, self._seconds, self._steps = path, watch, seconds, steps
        self._last = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: TrainingModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Save when it is time, after the loss was seen to be finite."""
        due = time.monotonic() - self._last >= self._seconds
        if self._steps is not None:
            due = trainer.global_step % self._steps == 0
        if due and trainer.global_step < module.steps:
            self._watch.look(trainer, module)
            with replacing(self._path) as temporary:
                trainer.save_checkpoint(temporary)
            self._last = time.monotonic()


class EpochReports(pl.Callback):  # type: ignore[misc]  # lightning has no types here
    """After every virtual epoch: recall per class on the held-out cells."""

    def __init__(
        self,
        steps_per_epoch: int,
        evaluate: Callable[[TrainingModule], dict[str, float]],
        show: Callable[[int, dict[str, float]], None],
    ) -> None:
        self._steps_per_epoch, self._evaluate, self._show = steps_per_epoch, evaluate, show

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: TrainingModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Evaluate at the end of a virtual epoch."""
        if trainer.global_step % self._steps_per_epoch:
            return
        metrics = self._evaluate(module)
        module.train()
        _log(trainer, {f"held_out/{name}": value for name, value in metrics.items()})
        self._show(trainer.global_step // self._steps_per_epoch, metrics)


class StepBar(pl.Callback):  # type: ignore[misc]  # lightning has no types here
    """Reports finished steps to whoever draws the progress bar."""

    def __init__(self, advance: Callable[..., None]) -> None:
        self._advance, self._shown = advance, 0

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: TrainingModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Advance by the steps since the last call; a resumed run starts where it was."""
        self._advance(trainer.global_step - self._shown, total=module.steps)
        self._shown = trainer.global_step


def _log(trainer: pl.Trainer, values: dict[str, float]) -> None:
    # Straight to the loggers: module.log would repeat the last value at every later step.
    for logger in trainer.loggers:
        logger.log_metrics(values, step=trainer.global_step)
