"""What happens between steps: loss monitor, checkpoints, scores after every epoch."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing
from marrowscope.progress import Advance
from marrowscope.training.networks.lightning_module import (
    SteppedModule,
    TrainingModule,
    update_weight_average,
)
from marrowscope.training.networks.throughput import StepClock

CHECK_EVERY = 20  # steps between two looks at the loss


class WeightAveraging(pl.Callback):  # type: ignore[misc]  # lightning has no types here
    """Updates the running average of weights and of normalization statistics after every step.

    Not in the module's own hook, which Lightning calls after those of the callbacks: a checkpoint
    would then hold the weights of this step and the average of the one before.
    """

    def on_train_start(self, trainer: pl.Trainer, module: SteppedModule) -> None:
        """Collect the tensors once: asking for them at every step takes longer than averaging."""
        if module.average is not None:
            self._average = list(module.average.state_dict().values())
            self._network = list(module.network.state_dict().values())

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: SteppedModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Early steps use a shorter memory: the first weights are worth little."""
        if module.average is not None:
            step = trainer.global_step
            decay = min(module.recipe.average, step / (step + 9))
            update_weight_average(self._average, self._network, decay)


class LossMonitor(pl.Callback):  # type: ignore[misc]  # lightning has no types here
    """Logs the mean loss every few steps and stops at the first loss that is not finite."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: SteppedModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Look when it is time."""
        if trainer.global_step % CHECK_EVERY == 0 or trainer.global_step == module.steps:
            self.look(trainer, module)

    def look(self, trainer: pl.Trainer, module: SteppedModule) -> None:
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


class CheckpointSaver(pl.Callback):  # type: ignore[misc]  # lightning has no types here
    """Keeps one checkpoint, replaced in one rename.

    It is made at the end of every virtual epoch and whenever the last one is older than
    ``seconds``, or every ``steps`` steps if given; never of weights that are not finite.
    """

    def __init__(
        self,
        path: Path,
        watch: LossMonitor,
        steps_per_epoch: int,
        seconds: float,
        steps: int | None,
        clock: StepClock,
    ) -> None:
        self._path, self._watch, self._steps_per_epoch = path, watch, steps_per_epoch
        self._clock = clock
        self._seconds, self._steps = seconds, steps
        self._last = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: SteppedModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Save when it is time, after loss and weights were seen to be finite.

        Raises:
            InputError: a weight is not finite, or the checkpoint cannot be written.
        """
        step = trainer.global_step
        if self._steps is None:
            due = time.monotonic() - self._last >= self._seconds
        else:
            due = step % self._steps == 0
        if not due and step % self._steps_per_epoch:
            return
        self._watch.look(trainer, module)
        with self._clock.paused(module.device):
            require_finite(module, step)
            for logger in trainer.loggers:
                logger.save()  # what is logged up to here survives a kill, too
            with replacing(self._path) as temporary:
                trainer.save_checkpoint(temporary)
        self._last = time.monotonic()


class EpochValidation(pl.Callback):  # type: ignore[misc]  # lightning has no types here
    """After every virtual epoch: recall per class on the held-out cells."""

    def __init__(
        self,
        steps_per_epoch: int,
        evaluate: Callable[[TrainingModule], dict[str, float]],
        show: Callable[[int, dict[str, float]], None],
        clock: StepClock,
    ) -> None:
        self._clock = clock
        self._steps_per_epoch, self._evaluate, self._show = steps_per_epoch, evaluate, show

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: TrainingModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Evaluate at the end of a virtual epoch."""
        if trainer.global_step % self._steps_per_epoch:
            return
        with self._clock.paused(module.device):
            metrics = self._evaluate(module)
            module.train()
            _log(trainer, {f"held_out/{name}": value for name, value in metrics.items()})
            self._show(trainer.global_step // self._steps_per_epoch, metrics)


class StepProgress(pl.Callback):  # type: ignore[misc]  # lightning has no types here
    """Reports finished steps to whoever draws the progress bar."""

    def __init__(self, advance: Advance) -> None:
        self._advance, self._shown = advance, 0

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: SteppedModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Advance by the steps since the last call; a resumed run starts where it was."""
        self._advance(trainer.global_step - self._shown, total=module.steps)
        self._shown = trainer.global_step


def require_finite(module: SteppedModule, step: int) -> None:
    """Refuse weights that are not finite: the loss shows them only one step later.

    Raises:
        InputError: names the step.
    """
    tensors = [tensor for tensor in module.state_dict().values() if tensor.is_floating_point()]
    if not bool(torch.stack([torch.isfinite(tensor).all() for tensor in tensors]).all()):
        raise InputError(
            f"a weight became infinite or not a number before step {step + 1}; lower "
            "learning_rate in the recipe and start again (the last checkpoint before it is kept)"
        )


def _log(trainer: pl.Trainer, values: dict[str, float]) -> None:
    # Straight to the loggers: module.log would repeat the last value at every later step.
    for logger in trainer.loggers:
        logger.log_metrics(values, step=trainer.global_step)
