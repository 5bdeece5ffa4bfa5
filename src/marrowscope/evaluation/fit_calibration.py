"""Held-out predictions of a bundle → its calibration, and a measure of what that is worth."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import (
    PROBABILITY,
    predicted_by,
    probabilities,
    probability_codes,
    usable,
)
from marrowscope.errors import InputError
from marrowscope.evaluation.cross_fitting import (
    CROSS_FITS,
    calibration_error_interval,
    log_losses,
    parts_of_cells,
)
from marrowscope.evaluation.fit_novelty import fit_novelty
from marrowscope.evaluation.laboratory_calibration import laboratory_measures
from marrowscope.evaluation.reliability import expected_calibration_error
from marrowscope.evaluation.temperature_scaling import (
    fit_temperature,
    no_call_threshold,
    prediction_set_thresholds,
)
from marrowscope.inference.calibrated_engine import PREDICTION_SET
from marrowscope.models.bundle import Bundle
from marrowscope.models.calibration import Calibration, tempered

MIN_CELLS = 50
Array = NDArray[np.float64]


def require_own_predictions(path: Path, bundle: Bundle) -> None:
    """Refuse a table that says that another kind of model made its answers.

    Raises:
        InputError: it does.
    """
    kind = predicted_by(path)
    if kind is not None and kind != bundle.card.architecture:
        raise InputError(
            f"{path}: holds predictions of a model of kind {kind!r}, and {bundle.card.name} is "
            f"{bundle.card.architecture!r}; give predictions of the same model"
        )


def held_out_rows(table: pl.DataFrame, bundle: Bundle, source: str) -> pl.DataFrame:
    """Rows of held-out predictions that a calibration of a bundle can be fitted to.

    Args:
        table: with ``label``, ``p_<CODE>``; cells of the split ``train`` are left out.
        bundle: the classifier that made the predictions.
        source: named in errors.

    Raises:
        InputError: columns are missing, fewer than 50 cells, or predictions of another classifier
            or of a calibrated one.
    """
    codes = probability_codes(table)
    if "label" not in table.columns or not codes:
        raise InputError(
            f"{source}: needs label and p_<CODE>; predict held-out cells of known class"
        )
    unknown = sorted(set(codes) - set(bundle.outputs.classes))
    missing = [code for code in bundle.card.known if code not in codes]
    if unknown or missing:
        raise InputError(
            f"{source}: holds predictions of another classifier than {bundle.card.name} "
            f"(p_{(unknown or missing)[0]}); predict with the bundle that is calibrated"
        )
    if PREDICTION_SET in table.columns:
        raise InputError(
            f"{source}: its probabilities are already calibrated, but a calibration is "
            "fitted to those of the network; predict with 'marrowscope predict --uncalibrated'"
        )
    if "split" in table.columns:
        table = table.filter(pl.col("split").fill_null("") != "train")
    rows = usable(table).drop_nulls(["label", *(PROBABILITY + code for code in codes)])
    rows = rows.filter(pl.col("label").is_in(list(bundle.card.known)))
    values = probabilities(rows)
    if rows.height and not (np.abs(values.sum(axis=1) - 1) < 1e-3).all():
        raise InputError(f"{source}: probabilities do not sum to 1")
    if rows.height < MIN_CELLS:
        raise InputError(
            f"{source}: {rows.height} held-out cells of known class; a calibration needs at least "
            f"{MIN_CELLS}"
        )
    if rows["label"].n_unique() < 2:
        raise InputError(
            f"{source}: held-out cells of {rows['label'][0]} only; a calibration needs cells of "
            "every class that the model knows"
        )
    return rows


def classes_without_cells(rows: pl.DataFrame, known: Iterable[str]) -> tuple[str, ...]:
    """Known classes of which no cell is held out: they are in every set, and say nothing."""
    there = set(rows["label"])
    return tuple(code for code in known if code not in there)


def temperature_for(rows: pl.DataFrame, known: Iterable[str]) -> float:
    """Temperature of ``held_out_rows``."""
    return fit_temperature(*_arrays(rows, tuple(known)))


def _arrays(rows: pl.DataFrame, known: tuple[str, ...]) -> tuple[Array, NDArray[np.int64]]:
    """(N, C) probabilities of the known classes, and (N,) columns of the true ones."""
    values = rows.select(PROBABILITY + code for code in known).to_numpy().astype(np.float64)
    return values, np.array([known.index(code) for code in rows["label"]])


def with_temperature(rows: pl.DataFrame, temperature: float) -> pl.DataFrame:
    """The rows with tempered ``p_<CODE>``, and ``predicted`` and ``confidence`` from these."""
    codes = probability_codes(rows)
    values = tempered(probabilities(rows).astype(np.float32), temperature)
    best = values.argmax(axis=1)
    return rows.with_columns(
        *(pl.Series(PROBABILITY + code, values[:, k]) for k, code in enumerate(codes)),
        predicted=pl.Series([codes[k] for k in best], dtype=pl.String),
        confidence=pl.Series(values[np.arange(len(best)), best]),
    )


def calibrate(
    rows: pl.DataFrame,
    bundle: Bundle,
    source: str,
    held_out: dict[str, Any],
    coverage: float = 0.9,
    risk: float = 0.1,
    kept: float = 0.99,
) -> Calibration:
    """Fit a calibration.

    Args:
        rows: see ``held_out_rows``.
        bundle: whose weights it is for.
        source: what the cells are, for the card.
        held_out: answers by true class, of the tempered rows.
        coverage: of the prediction sets, in (0, 1).
        risk: share of errors among called cells, in (0, 1).
        kept: share of cells of known classes that are not to be called novel, in (0, 1).

    Raises:
        InputError: coverage, risk or kept is out of range.
    """
    for name, value in (("coverage", coverage), ("risk", risk)):
        if not 0 < value < 1:
            raise InputError(f"`{name}` {value}: give a share between 0 and 1, for example 0.9")
    known = tuple(code for code in bundle.outputs.classes if code in bundle.card.known)
    values, truth = _arrays(rows, known)
    temperature = fit_temperature(values, truth)
    final = tempered(values.astype(np.float32), temperature).astype(np.float64)
    right = final.argmax(axis=1) == truth
    laboratories = laboratory_measures(rows, values, truth)
    names = rows["cell_id"].to_list()
    return Calibration(
        weights_sha256=bundle.card.weights_sha256,
        source=source,
        cells=rows.height,
        temperature=temperature,
        coverage=coverage,
        least=prediction_set_thresholds(final, truth, known, coverage),
        risk=risk,
        no_call=no_call_threshold(final.max(axis=1), right, risk),
        held_out=held_out,
        measured=cross_fitted_measures(values, truth, names, known, coverage, risk)
        | ({"laboratories": laboratories} if laboratories else {}),
        novelty=fit_novelty(final, truth, names, known, kept),
    )


def cross_fitted_measures(
    values: Array,
    truth: NDArray[np.int64],
    names: list[str],
    known: tuple[str, ...],
    coverage: float,
    risk: float,
) -> dict[str, Any]:
    """What calibration does for cells that it was not fitted to.

    Five parts by the hash of the cells' names; each is measured with a calibration fitted to the
    other four.

    Returns:
        ``ece_before``, ``ece_after`` (value, low, high; 95 % bootstrap over cells),
        ``log_loss_before``, ``log_loss_after``, ``set_coverage`` per class, ``set_size`` (mean),
        ``called`` (share) and ``error_when_called``, ``error_of_all``, ``reliability`` (bins before
        and after: mean confidence, share right, cells).
    """
    part = parts_of_cells(names)
    after, inside, called = (
        np.empty_like(values),
        np.zeros(values.shape, bool),
        np.zeros(len(truth), bool),
    )
    for number in range(CROSS_FITS):
        fit, test = part != number, part == number
        if not test.any() or not fit.any():
            continue
        temperature = fit_temperature(values[fit], truth[fit])
        after[part == number] = tempered(values[test].astype(np.float32), temperature)
        fitted = tempered(values[fit].astype(np.float32), temperature).astype(np.float64)
        least = prediction_set_thresholds(fitted, truth[fit], known, coverage)
        inside[test] = after[test] >= np.array([least[code] for code in known])
        limit = no_call_threshold(fitted.max(axis=1), fitted.argmax(axis=1) == truth[fit], risk)
        called[test] = False if limit is None else after[test].max(axis=1) >= limit
    right = values.argmax(axis=1) == truth
    rows = np.arange(len(truth))
    covered = inside[rows, truth]
    bins = {}
    for name, one in (("before", values), ("after", after)):
        bins[name] = [
            list(point) for point in expected_calibration_error(one.max(axis=1), right)[1]
        ]
    return {
        "cells": len(truth),
        "ece_before": calibration_error_interval(values.max(axis=1), right),
        "ece_after": calibration_error_interval(after.max(axis=1), right),
        "log_loss_before": float(log_losses(values, truth).mean()),
        "log_loss_after": float(log_losses(after, truth).mean()),
        "set_coverage": {
            code: float(covered[truth == place].mean())
            for place, code in enumerate(known)
            if (truth == place).any()
        },
        "set_size": float(inside.sum(axis=1).mean()),
        "called": float(called.mean()),
        "error_when_called": float((~right[called]).mean()) if called.any() else None,
        "error_of_all": float((~right).mean()),
        "reliability": bins,
    }
