"""Images without labels come in; weights to start a training from come out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from marrowscope.api.arguments import AnyPath, Cells, HasTable, Say, as_table, begin, path_list
from marrowscope.api.recipe_choice import Changes, as_recipe
from marrowscope.dataset.indexing import index as index_paths
from marrowscope.extras import require_extra
from marrowscope.progress import Stage

if TYPE_CHECKING:
    from marrowscope.training.recipe import Recipe


@dataclass(frozen=True)
class PretrainingRun:
    """A finished pretraining.

    Attributes:
        folder: of the run.
        weights: the file for ``train(weights=...)``.
        images: learned from.
        spread: mean standard deviation of the features over the images; 0: all images look alike.
        purity: share of nearest neighbours with the same label, of random weights and of the
            learned ones; None without labels, which nothing else looks at.
    """

    folder: Path
    weights: Path
    images: int
    spread: float
    purity: tuple[float, float] | None

    @property
    def table(self) -> pl.DataFrame:
        """``weights`` (random, learned) and the ``purity`` of neighbours; no row without labels."""
        schema = {"weights": pl.String, "purity": pl.Float64}
        rows = zip(("random", "learned"), self.purity or (), strict=False)
        return pl.DataFrame(list(rows), schema=schema, orient="row")

    def to_dict(self) -> dict[str, Any]:
        """Everything as data for JSON."""
        before, after = self.purity or (None, None)
        return {
            "weights": str(self.weights),
            "images": self.images,
            "spread": self.spread,
            "purity_before": before,
            "purity_after": after,
        }


def pretrain(
    images: Cells | Sequence[AnyPath],
    output: AnyPath,
    model: str = "sequential",
    *,
    recipe: "Recipe | AnyPath" = "pretrain",
    changes: Changes | None = None,
    seed: int = 0,
    device: str = "auto",
    resume: bool = False,
    progress: Stage | None = None,
    say: Say | None = None,
) -> PretrainingRun:
    """Learn from images without labels (VICReg), as a start for ``train(weights=...)``.

    If a table has a split, only its training images are used: nothing held out takes part.

    Args:
        images: cell table, or images and folders.
        output: run folder; new, or that of the run to resume.
        model: ``sequential``, ``resnext50`` or ``efficientnet-lite0`` (or 1, 2).
        recipe: ``pretrain``, a YAML file, or a recipe.
        changes: single values of the recipe, such as ``{"epochs": 3}``.
        seed: of initialization, order and views.
        device: ``auto``, ``cpu`` or ``cuda``.
        resume: go on with a killed run.
        progress: called with what begins, returns ``advance(done, total=...)``.
        say: is told in a line what a user should know.

    Raises:
        InputError: the extra is missing, fewer than 32 images, or one that cannot be read.
    """
    require_extra("train", "pretraining")
    from marrowscope.training.hooks import TrainingHooks
    from marrowscope.training.run_setup import choose_device
    from marrowscope.training.self_supervised.pretrain import pretrain as learn

    chosen, folder = as_recipe(recipe, changes, model), Path(output)
    stages = ("stain vectors", "reading images", "pretraining steps", "packing pixels")
    stains, decoding, steps, packing = (
        None if progress is None else progress(name) for name in stages
    )
    found = learn(
        _table(images, progress),
        model,
        chosen,
        folder,
        seed=seed,
        resume=resume,
        device=choose_device(device),
        hooks=TrainingHooks(stains, decoding, steps, None, packing, say),
        store=folder.with_suffix(".store"),
    )
    return PretrainingRun(folder, found.weights, found.images, found.spread, found.purity)


def _table(images: Cells | Sequence[AnyPath], progress: Stage | None) -> pl.DataFrame:
    """A cell table, or what is found in files and folders."""
    if isinstance(images, pl.DataFrame | HasTable):
        return as_table(images, ("path",))
    paths = path_list(images)
    if len(paths) == 1 and paths[0].suffix == ".parquet":
        return as_table(os.fspath(paths[0]), ("path",))
    return index_paths(paths, advance=begin(progress, "indexing"))
