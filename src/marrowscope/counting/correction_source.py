"""Answers for held-out cells, by which the shares of the classes are corrected."""

from pathlib import Path

import polars as pl

from marrowscope.cells import probability_codes, read_cells, usable
from marrowscope.differential.held_out_answers import (
    HeldOutCounts,
    held_out_from_dict,
    held_out_from_table,
)
from marrowscope.errors import InputError
from marrowscope.evaluation.fit_calibration import require_own_predictions, with_temperature
from marrowscope.inference.calibrated_engine import PREDICTION_SET
from marrowscope.models.bundle import CALIBRATION, Bundle
from marrowscope.models.calibration import Calibration, read_calibration

TRAINING = "train"


def find_held_out(bundle: Bundle, path: Path | None) -> tuple[HeldOutCounts | None, str | None]:
    """The answers to correct a count by, and where they are from.

    A file that the user names comes before the answers in the bundle's own calibration.

    Raises:
        InputError: as ``read_held_out``, or the calibration is damaged or for other weights.
    """
    calibration = read_calibration(bundle)
    if path is not None:
        return read_held_out(path, bundle, calibration), str(path)
    if calibration is None or not calibration.held_out:
        return None, None
    source = f"{bundle.card.name}: {CALIBRATION}"
    return held_out_from_dict(calibration.held_out, source), calibration.source or source


def least_confidence(bundle: Bundle, given: float | None) -> float | None:
    """Below which a cell is not classified: what the user says, or the bundle's no-call limit.

    Raises:
        InputError: the calibration is damaged or for other weights.
    """
    if given is not None:
        return given
    calibration = read_calibration(bundle)
    return None if calibration is None else calibration.no_call


def read_held_out(
    path: Path, bundle: Bundle, calibration: Calibration | None = None
) -> HeldOutCounts:
    """Count the answers in a table of held-out predictions of the same classifier.

    Rows of a ``split`` that were trained on are left out. A bundle with a calibration counts with
    tempered probabilities, so those of the table are tempered too, unless they are already.

    Args:
        path: cell table with ``label``, ``predicted`` and ``confidence``.
        bundle: the classifier.
        calibration: of the bundle.

    Raises:
        InputError: it cannot be read, lacks a column, holds no held-out cell, or is of another
            classifier.
    """
    table = read_cells(path, ("label", "predicted", "confidence"))
    require_own_predictions(path, bundle)
    if "split" in table.columns:
        table = table.filter(pl.col("split").fill_null("") != TRAINING)
        if table.is_empty():
            raise InputError(f"{path}: all its cells were trained on; give held-out predictions")
    # 'predict' with a calibration leaves this column; a training run's predictions have none.
    if calibration is not None and PREDICTION_SET not in table.columns:
        rows = usable(table).drop_nulls(["predicted", "confidence"])
        if rows.height and not probability_codes(rows):
            raise InputError(
                f"{path}: has no p_<CODE> columns, which a calibrated model needs; predict the "
                "cells again with 'marrowscope predict'"
            )
        table = with_temperature(rows, calibration.temperature)
    held_out = held_out_from_table(table, str(path))
    answered = set(table["predicted"].drop_nulls().to_list())
    strangers = sorted(answered - set(bundle.card.known))
    if strangers:
        raise InputError(
            f"{path}: holds predictions of {strangers[0]}, which {bundle.card.name} does not know; "
            "give predictions of the model that counts"
        )
    return held_out
