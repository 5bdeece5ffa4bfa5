"""One training as plain data: what is asked for (in), what a trainer gives back (out)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from torch import nn

from marrowscope.dataset.pixel_store import PixelStore
from marrowscope.progress import Advance
from marrowscope.training.hooks import TrainingHooks
from marrowscope.training.recipe import Recipe
from marrowscope.training.run_setup import StartingPoint
from marrowscope.training.training_cells import TrainingData

if TYPE_CHECKING:
    from marrowscope.training.networks.throughput import Throughput

CHECKPOINT_SECONDS = 120.0


@dataclass(frozen=True)
class TrainingJob:
    """What a trainer needs to know.

    Attributes:
        table: all cells, with those that neither train nor are held out.
        data: which cells train and which are held out.
        start: the model and what it starts from.
        recipe: of networks.
        folder: the run folder, which is this run's own by now.
        name: of the model in its card.
        seed: of everything that is drawn.
        device: ``cpu`` or ``cuda``.
        hooks: progress.
        resume: whether an earlier part of the run may be there to continue.
        store: to take pixels from; None for the image files.
        beside: a path beside which features are kept for all runs on the same cells; None to keep
            them in the run folder.
        checkpoint_seconds, checkpoint_steps: how often to save.
    """

    table: pl.DataFrame
    data: TrainingData
    start: StartingPoint
    recipe: Recipe
    folder: Path
    name: str
    seed: int = 0
    device: str = "cpu"
    hooks: TrainingHooks = field(default_factory=TrainingHooks)
    resume: bool = False
    store: PixelStore | None = None
    beside: Path | None = None
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    checkpoint_steps: int | None = None

    def feature_cache(self, kind: str) -> Path:
        """Folder of features of one kind."""
        return self.folder / kind if self.beside is None else self.beside.with_suffix(f".{kind}")


@dataclass(frozen=True)
class FittedModel:
    """What a trainer made of a job; ``finish_run`` judges and saves it.

    Attributes:
        model: in evaluation mode.
        recipe: how it was made, for its card.
        views: of each image at prediction.
        throughput: of the training steps; None without steps.
        predicting: progress of the held-out predictions.
        more_metrics: asked for after these predictions.
    """

    model: nn.Module
    recipe: dict[str, Any]
    views: int = 1
    throughput: "Throughput | None" = None
    predicting: Advance | None = None
    more_metrics: Callable[[], dict[str, Any]] = dict


@dataclass(frozen=True)
class TrainingResult:
    """What a finished run has to show."""

    folder: Path
    metrics: dict[str, Any]
    throughput: "Throughput | None"  # None for a run that was finished already
