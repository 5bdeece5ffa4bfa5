"""A cell table comes in; a model per fold, and scores of every cell, come out."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from marrowscope.api.arguments import (
    AnyPath,
    Cells,
    Say,
    as_table,
    begin,
    cluster_choice,
    naming,
    optional_path,
)
from marrowscope.api.model_evaluation import EvaluationResult
from marrowscope.api.recipe_choice import Changes, as_recipe
from marrowscope.cells import LABORATORY
from marrowscope.errors import InputError
from marrowscope.evaluation.evaluate_predictions import evaluate as evaluate_table
from marrowscope.evaluation.study_table import study_table
from marrowscope.extras import require_extra
from marrowscope.io.atomic import replacing
from marrowscope.models.architectures import FEATURES
from marrowscope.progress import Stage
from marrowscope.report.evaluation_figures import fold_confusions_figure

if TYPE_CHECKING:
    from marrowscope.training.recipe import Recipe


@dataclass(frozen=True)
class CrossValidation:
    """A finished cross-validation; shows its evaluation in a notebook.

    Attributes:
        folder: with a run folder per fold, ``predictions.parquet`` and the report.
        evaluation: scores of all held-out cells, and over folds.
        trained: folders of the runs that were trained now; the others were finished before.
        warnings: about folds and scores.
    """

    folder: Path
    evaluation: EvaluationResult
    trained: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def table(self) -> pl.DataFrame:
        """Table 1 of the study: mean and sd over folds per class, beside the published ones."""
        return study_table(self.evaluation.scores)

    @property
    def predictions(self) -> pl.DataFrame:
        """Every held-out cell once, predicted by the model that has not seen it."""
        return self.evaluation.predictions

    def to_dict(self) -> dict[str, Any]:
        """Totals as data for JSON: pooled, and mean and sd over folds."""
        scores = self.evaluation.scores
        totals: dict[str, Any] = {}
        for kind in ("strict", "tolerant"):
            over = getattr(scores.folds, kind) if scores.folds else {}
            totals[kind] = {
                name: {
                    "pooled": value.value,
                    "mean": over[name].mean if over else None,
                    "sd": over[name].sd if over else None,
                }
                for name, value in getattr(scores, kind).items()
            }
        return {
            "run": str(self.folder),
            "predictions": str(self.folder / "predictions.parquet"),
            "cells": scores.counts["evaluated"],
            "trained": list(self.trained),
            **totals,
            **({"laboratories": self.evaluation.laboratory_totals} if scores.laboratories else {}),
            "warnings": list(scores.warnings),
        }

    def __repr__(self) -> str:
        return f"<cross-validation {self.folder}: {self.evaluation!r}>"

    def _repr_html_(self) -> str:
        return self.evaluation._repr_html_()


def cross_validate(
    cells: Cells,
    output: AnyPath,
    model: str = "sequential",
    *,
    folds: int | None = None,
    holdout: float | None = None,
    leave_out: str | None = None,
    recipe: "Recipe | AnyPath | None" = None,
    changes: Changes | None = None,
    seed: int = 0,
    jobs: int = 1,
    cluster: str | None = None,
    per_task: Sequence[str] = (),
    device: str = "auto",
    store: AnyPath | None = None,
    weights: AnyPath | None = None,
    head: str | None = None,
    resamples: int = 2000,
    progress: Stage | None = None,
    say: Say | None = None,
) -> CrossValidation:
    """Train a model per fold and score every cell by the one that has not seen it.

    The same table and seed give every model the same folds. A run that was killed goes on with the
    same call: finished folds stay.

    Args:
        cells: table with labels; an earlier split is not used.
        output: folder of the runs; it gets a report too.
        model: as for ``train``.
        folds: how many; 5 if not said.
        holdout: share to hold out once, instead of folds.
        leave_out: ``laboratory``: train on all but one and judge on it, each in turn, instead of
            folds; by the classes that both sides have.
        recipe: as for ``train``.
        changes: as for ``train``.
        seed: of the folds and the trainings.
        jobs: folds that are trained at the same time.
        cluster: train each fold on a Dask worker (extra cluster), as for ``count_fleet``; such as
            one fold per GPU.
        per_task: what each training gets there: ``threads=N``, ``memory=8GB``, ``GPU=1``.
        device: as for ``train``.
        store: as for ``train``.
        weights: as for ``train``; they must not have seen these cells.
        head: as for ``train``.
        resamples: of the bootstrap.
        progress: called with what begins, returns ``advance(done, total=...)``.
        say: is told in a line what a user should know.

    Raises:
        InputError: the extra is missing, no labels, too few cells of a class, fewer than two
            laboratories to leave one out, or ``output`` holds something else.
    """
    require_extra("analysis" if model == FEATURES else "train", "cross-validation")
    from marrowscope.evaluation.cross_validation import cross_validate as train_folds
    from marrowscope.evaluation.fold_training import CrossValidationPlan

    workers = cluster_choice(cluster, per_task)
    if workers is not None and jobs > 1:
        raise InputError("`jobs` is of this machine; a `cluster` says by its workers how many")
    if holdout is not None and not 0 < holdout < 1:
        raise InputError(f"`holdout` is {holdout}; expected a share between 0 and 1, such as 0.3")
    if leave_out not in (None, LABORATORY):
        raise InputError(
            f"`leave_out` {leave_out}: only a laboratory can be left out; write laboratory"
        )
    named = {"folds": folds, "holdout": holdout, "leave_out": leave_out}
    given = [f"`{name}`" for name, value in named.items() if value is not None]
    if len(given) > 1:
        raise InputError(f"give one of {' and '.join(given)}")
    folds = 5 if folds is None else folds
    folder, place = Path(output), optional_path(store)
    chosen = as_recipe(recipe, changes, model)
    plan = CrossValidationPlan(
        model, chosen, folds, holdout, seed, optional_path(weights), head, leave_out
    )
    if place is None and isinstance(cells, str | os.PathLike):
        place = Path(cells).with_suffix(".store")
    told: Say = say or (lambda line: None)
    with naming(cells):
        found = train_folds(
            as_table(cells),
            plan,
            folder,
            jobs=jobs,
            cluster=workers,
            device=device,
            store=place,
            store_given=store is not None,
            hooks=_hooks(progress, told),
            finished=lambda name, done, parts: told(f"{name} finished, {done} of {parts}"),
            say=told,
        )
    begin(progress, "scoring")
    scores = evaluate_table(found.predictions, resamples=resamples, seed=seed)
    if leave_out is not None:
        # What was judged, and what was not, belongs beside the scores.
        scores = replace(scores, warnings=tuple(dict.fromkeys((*found.warnings, *scores.warnings))))
    kind = f"{folds}-fold cross-validation" if holdout is None else f"hold-out of {holdout:g}"
    kind = kind if leave_out is None else "leave-one-laboratory-out"
    facts = {"model": model, "recipe": plan.recipe.name, "protocol": f"{kind}, seed {seed}"}
    made = CrossValidation(
        folder,
        EvaluationResult(scores, found.predictions, f"{kind} of {model}", facts),
        found.trained,
        tuple(dict.fromkeys((*found.warnings, *scores.warnings))),
    )
    made.evaluation.save(folder / "report")
    with replacing(folder / "table1.csv") as temporary:
        made.table.write_csv(temporary)
    if scores.folds is not None:
        figure = fold_confusions_figure(found.predictions, scores.codes)
        with replacing(folder / "folds.png") as temporary:
            figure.savefig(temporary, dpi=150)
    return made


def _hooks(progress: Stage | None, say: Say) -> Callable[[str], Any]:
    """Progress of each fold under its name."""
    from marrowscope.training.hooks import TrainingHooks

    def of_fold(name: str) -> TrainingHooks:
        told: Say = lambda line: say(f"{name}: {line}")  # noqa: E731
        if progress is None:
            return TrainingHooks(line=told)
        return TrainingHooks(
            progress("stain vectors"),
            progress(f"{name}: reading images"),
            progress(f"{name}: training steps"),
            None,
            progress(f"{name}: packing pixels"),
            told,
        )

    return of_fold
