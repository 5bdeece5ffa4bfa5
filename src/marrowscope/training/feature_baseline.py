"""Train the feature-based baseline: measure, select, search, fit; a run folder like a network's.

Everything that is chosen (features, C, gamma, the map to probabilities) is chosen on the training
cells alone, by stratified cross-validation among them.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from marrowscope.cells import write_cells
from marrowscope.errors import InputError
from marrowscope.features.cell_features import VERSION
from marrowscope.features.feature_catalogue import names
from marrowscope.features.feature_table import measure_table
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.models.architectures import FEATURES
from marrowscope.models.bundle import Bundle, save_bundle
from marrowscope.models.card import Card
from marrowscope.models.features_svm import build
from marrowscope.models.svm_training import fit
from marrowscope.training.networks.trainer import TrainingHooks
from marrowscope.training.run_folder import BUNDLE, PREDICTIONS, prepare_folder, read_run, write_run
from marrowscope.training.training_cells import TrainingData
from marrowscope.training.validation import strict_scores

CACHE = "features"


def train_feature_baseline(
    data: TrainingData,
    wanted: dict[str, Any],
    folder: Path,
    name: str,
    *,
    seed: int = 0,
    resume: bool = False,
    hooks: TrainingHooks | None = None,
    cache: Path | None = None,
) -> dict[str, Any]:
    """Train and write the run folder; returns the held-out metrics.

    Args:
        data: training and held-out cells.
        wanted: what a resume must agree with, see ``run_folder.identity``.
        folder: the run folder.
        name: of the model in its card.
        seed: of the folds of the search.
        resume: go on; measured cells are in the cache.
        hooks: progress.
        cache: folder of measured features, for all runs on the same cells; default: in the run
            folder.

    Raises:
        InputError: one class only, a class of one cell, an image that cannot be read.
    """
    hooks = hooks or TrainingHooks()
    metrics = prepare_folder(folder, wanted, resume)
    if metrics is not None:
        return metrics
    alone = data.train.group_by("label").len().filter(pl.col("len") < 2)["label"].sort()
    if len(alone):  # known before all are measured
        raise InputError(
            f"one training image of class {', '.join(alone)}; the feature model needs 2 of each: "
            "one to learn from and one to check with"
        )
    values, errors = measure_table(data.train, cache or folder / CACHE, advance=hooks.decoding)
    unread = [row for row, error in enumerate(errors) if error is not None]
    if unread:
        path = data.train["path"][unread[0]]
        raise InputError(
            f"{path}: {errors[unread[0]]} ({len(unread)} of {len(errors)} training images cannot "
            "be used; 'marrowscope check' lists them)"
        )
    fitted, search = fit(values, data.targets(data.train), seed=seed)
    fallbacks = int(np.nansum(values[:, names().index("segmentation.fallback")]))
    hooks.say(
        f"{len(names())} features per cell, {len(fitted.selected)} selected; C {search.cost:g}, "
        f"gamma {search.gamma:.2g} by {search.folds} folds; {search.imputed} missing values "
        f"imputed; {fallbacks} of {len(values)} cells not found in their image"
    )
    model = build(fitted, data.outputs, data.known).eval()
    recipe = {
        "method": "mRMR (F-statistic, quotient) and RBF support vectors",
        "feature_version": VERSION,
        "measured": len(names()),
        "selected": len(fitted.selected),
        "support_vectors": len(fitted.vectors),
        "fallback_cells": fallbacks,
        **asdict(search),
        "seed": seed,
    }
    card = Card(name, FEATURES, data.outputs, data.known, views=1, recipe=recipe,
                data=data.description, split=data.split)  # fmt: skip
    metrics = {}
    if data.held_out.height:
        engine = TorchEngine(Bundle(model, card))
        predictions = predict_table(engine, data.held_out, advance=hooks.steps)
        write_cells(predictions, folder / PREDICTIONS, card.architecture)
        metrics = {**strict_scores(predictions), "imputed": model.imputed}
    save_bundle(model, Card(**{**vars(card), "metrics": metrics}), folder / BUNDLE)
    write_run(folder, {**read_run(folder), "finished": True, "metrics": metrics})
    return metrics
