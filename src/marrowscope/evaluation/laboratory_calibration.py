"""Held-out cells of several laboratories → what one calibration is worth in each of them.

A bundle has one temperature: an image does not say which laboratory made it, and cells of a
laboratory that took no part have none of their own. What it costs is measured here, against a
temperature fitted to that laboratory alone; where that is clearly better the user is told.
"""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.dataset.laboratories import laboratory_names, laboratory_of_rows, printable_name
from marrowscope.evaluation.cross_fitting import (
    calibration_error_interval,
    cross_tempered,
    log_losses,
    mean_interval,
    parts_of_cells,
)
from marrowscope.evaluation.reliability import expected_calibration_error
from marrowscope.evaluation.temperature_scaling import fit_temperature

MIN_CELLS = 50  # of a laboratory
CLEAR_GAIN = 0.01  # of log-loss; less is not worth a bundle of its own

Array = NDArray[np.float64]


def laboratory_measures(
    rows: pl.DataFrame, values: Array, truth: NDArray[np.int64]
) -> dict[str, dict[str, Any]]:
    """Measure the shared temperature in every laboratory, on cells that it was not fitted to.

    Args:
        rows: (N) held-out cells.
        values: (N, C) probabilities of the known classes, before calibration.
        truth: (N,) columns of the true classes.

    Returns:
        By laboratory, where several are named, and of those with 50 cells of two classes:
        ``cells``, ``ece_before`` and ``ece_after`` (value, low, high), ``log_loss_before``,
        ``log_loss_after``; ``own_temperature`` and ``log_loss_own`` of a fit to this laboratory
        alone, and ``own_gain`` (mean, low, high), by how much log-loss falls with it;
        ``reliability`` before and after (bins: mean confidence, share right, cells).
    """
    names = laboratory_names(rows)
    if len(names) < 2:
        return {}
    owners = laboratory_of_rows(rows).fill_null("").to_numpy()
    parts = parts_of_cells(rows["cell_id"].to_list())
    shared = cross_tempered(values, truth, parts)
    found = {}
    for name in names:
        own = owners == name
        if own.sum() >= MIN_CELLS and len(np.unique(truth[own])) > 1:
            found[printable_name(name)] = _measures(
                values[own], shared[own], truth[own], parts[own]
            )
    return found


def _measures(
    before: Array, after: Array, truth: NDArray[np.int64], parts: NDArray[np.int64]
) -> dict[str, Any]:
    right = before.argmax(axis=1) == truth
    mine = cross_tempered(before, truth, parts)
    return {
        "cells": len(truth),
        "ece_before": calibration_error_interval(before.max(axis=1), right),
        "ece_after": calibration_error_interval(after.max(axis=1), right),
        "log_loss_before": float(log_losses(before, truth).mean()),
        "log_loss_after": float(log_losses(after, truth).mean()),
        "own_temperature": fit_temperature(before, truth),
        "log_loss_own": float(log_losses(mine, truth).mean()),
        "own_gain": mean_interval(log_losses(after, truth) - log_losses(mine, truth)),
        "reliability": {
            name: [list(point) for point in expected_calibration_error(one.max(axis=1), right)[1]]
            for name, one in (("before", before), ("after", after))
        },
    }


def laboratory_remarks(rows: pl.DataFrame, measures: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """What a user should know of the laboratories of the held-out cells."""
    names = laboratory_names(rows)
    if len(names) < 2:
        return ()
    owners = laboratory_of_rows(rows)
    said = [
        f"laboratory {name}: {int((owners == name).sum())} held-out cells; what the calibration is "
        f"worth there is said from {MIN_CELLS} cells of two classes on"
        for name in names
        if printable_name(name) not in measures
    ]
    for name, one in measures.items():
        gain, low, _ = one["own_gain"]
        if low > 0 and gain >= CLEAR_GAIN:
            said.append(
                f"laboratory {name} is served better by a calibration of its own (temperature "
                f"{one['own_temperature']:.2f}, log-loss {one['log_loss_after']:.3f} → "
                f"{one['log_loss_own']:.3f}): `laboratory={name}` fits to its cells alone"
            )
    return tuple(said)


def cells_of_laboratory(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """Rows of one laboratory; none where it is not named."""
    return table.filter((laboratory_of_rows(table) == name).fill_null(False))
