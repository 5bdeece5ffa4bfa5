"""Fit the feature-based baseline: a job in, the model out; measure, select, search, fit.

Everything that is chosen (features, C, gamma, the map to probabilities) is chosen on the training
cells alone, by stratified cross-validation among them.
"""

from dataclasses import asdict

import numpy as np
import polars as pl

from marrowscope.errors import InputError
from marrowscope.features.cell_features import VERSION
from marrowscope.features.feature_catalogue import names
from marrowscope.features.feature_table import measure_table
from marrowscope.models.features_svm import build
from marrowscope.models.svm_training import fit_svm
from marrowscope.training.training_job import FittedModel, TrainingJob

CACHE = "features"  # in the run folder or beside the store


def fit_feature_baseline(job: TrainingJob) -> FittedModel:
    """Measure the training cells, or take what is in the cache, and fit.

    Args:
        job: its recipe, device and store have no part in this.

    Raises:
        InputError: a class of one cell, or an image that cannot be read.
    """
    data = job.data
    alone = data.train.group_by("label").len().filter(pl.col("len") < 2)["label"].sort()
    if len(alone):  # known before all are measured
        raise InputError(
            f"one training image of class {', '.join(alone)}; the feature model needs 2 of each: "
            "one to learn from and one to check with"
        )
    values, errors = measure_table(data.train, job.feature_cache(CACHE), advance=job.hooks.decoding)
    unread = [row for row, error in enumerate(errors) if error is not None]
    if unread:
        path = data.train["path"][unread[0]]
        raise InputError(
            f"{path}: {errors[unread[0]]} ({len(unread)} of {len(errors)} training images cannot "
            "be used; 'marrowscope check' lists them)"
        )
    fitted, search = fit_svm(values, data.targets(data.train), seed=job.seed)
    fallbacks = int(np.nansum(values[:, names().index("segmentation.fallback")]))
    job.hooks.say(
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
        "seed": job.seed,
    }
    return FittedModel(
        model,
        recipe,
        predicting=job.hooks.steps,
        more_metrics=lambda: {"imputed": model.imputed},
    )
