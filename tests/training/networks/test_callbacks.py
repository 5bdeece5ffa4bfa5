"""The loss is looked at every few steps, and a training without a finite one ends."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.training.networks.callbacks import CHECK_EVERY, LossMonitor


class Log:
    def __init__(self) -> None:
        self.lines: list[tuple[dict[str, float], int]] = []

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.lines.append((metrics, step))

    def save(self) -> None:
        pass


def at_step(step: int) -> Any:
    rate = SimpleNamespace(param_groups=[{"lr": 0.01}])
    return SimpleNamespace(global_step=step, optimizers=[rate], loggers=[Log()])


def module(*losses: float) -> Any:
    return SimpleNamespace(recent_losses=[torch.tensor(loss) for loss in losses], steps=1000)


def test_the_mean_since_the_last_look_is_logged() -> None:
    trainer, watched = at_step(CHECK_EVERY), module(1.0, 2.0, 6.0)
    LossMonitor().on_train_batch_end(trainer, watched, None, None, 0)
    ((metrics, step),) = trainer.loggers[0].lines
    assert metrics == {"loss": 3.0, "learning_rate": 0.01}
    assert step == CHECK_EVERY
    assert watched.recent_losses == []


def test_between_two_looks_nothing_is_fetched() -> None:
    trainer, watched = at_step(CHECK_EVERY + 1), module(float("nan"))
    LossMonitor().on_train_batch_end(trainer, watched, None, None, 0)
    assert len(watched.recent_losses) == 1


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_named_with_its_step(loss: float) -> None:
    trainer = at_step(CHECK_EVERY)
    with pytest.raises(InputError, match=f"at step {CHECK_EVERY - 1};"):
        LossMonitor().look(trainer, module(1.0, loss, 1.0))
