"""Predictions of a calibrated bundle: honest probabilities, sets of classes, and no-calls."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import PROBABILITY
from marrowscope.inference.engine import Engine, PendingProbabilities, start_batch
from marrowscope.models.calibration import Calibration, tempered
from marrowscope.models.novelty import Novelty

PREDICTION_SET, NO_CALL = "prediction_set", "no_call"
NOVELTY, NOVEL = "novelty", "novel"
DECISIONS = (PREDICTION_SET, NO_CALL, NOVELTY, NOVEL)


class CalibratedEngine:
    """Another engine whose probabilities are tempered."""

    def __init__(self, engine: Engine, calibration: Calibration) -> None:
        self._engine, self._calibration = engine, calibration

    @property
    def name(self) -> str:
        """What computes, in what precision."""
        return self._engine.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Class codes, the columns of the result."""
        return self._engine.classes

    @property
    def batch_size(self) -> int:
        """Images per call that it is made for."""
        return self._engine.batch_size

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 250, 250, 3) uint8 RGB → (N, classes) float32."""
        return tempered(self._engine.probabilities(images), self._calibration.temperature)

    def begin(self, images: NDArray[np.uint8]) -> PendingProbabilities:
        """As ``probabilities`` of one image or more, start_batch if the other engine can do so."""
        answer = start_batch(self._engine, images)
        return lambda: tempered(answer(), self._calibration.temperature)


def with_decisions(table: pl.DataFrame, calibration: Calibration) -> pl.DataFrame:
    """Add ``prediction_set`` and ``no_call``, and ``novelty`` and ``novel`` where they were fitted.

    Args:
        table: with ``p_<CODE>`` and ``confidence`` of a ``CalibratedEngine``.
        calibration: of the same bundle.

    Returns:
        The table with ``prediction_set``: codes joined by ``;`` in the order of probability, empty
        where no class fits; and ``no_call``: true where the confidence is too low for the risk;
        null where the risk could not be kept at all; ``novelty``, a score, and ``novel``: true
        where it says that the cell is unlike anything that the model knows. Null in all of them for
        unreadable images.
    """
    codes = [code for code in calibration.least if PROBABILITY + code in table.columns]
    values = table.select(PROBABILITY + code for code in codes).to_numpy().astype(np.float64)
    least = np.array([calibration.least[code] for code in codes])
    sets = [
        ";".join(codes[place] for place in np.argsort(-row, kind="stable") if inside[place])
        for row, inside in zip(values, values >= least, strict=True)
    ]
    answered = table["confidence"].is_not_null()
    called = (
        pl.Series(NO_CALL, [None] * table.height, dtype=pl.Boolean)
        if calibration.no_call is None
        else (table["confidence"] < calibration.no_call).alias(NO_CALL)
    )
    decided = table.with_columns(
        pl.when(answered).then(pl.Series(PREDICTION_SET, sets, dtype=pl.String)), called
    )
    return decided if calibration.novelty is None else _with_novelty(decided, calibration.novelty)


def _with_novelty(table: pl.DataFrame, novelty: Novelty) -> pl.DataFrame:
    codes = [PROBABILITY + code for code in novelty.classes]
    return table.with_columns(*novelty_columns(table.select(codes).to_numpy(), novelty))


def novelty_columns(values: NDArray[np.float32], novelty: Novelty) -> tuple[pl.Series, pl.Series]:
    """Columns ``novelty`` and ``novel``, null where there is no answer.

    Args:
        values: (N, C) calibrated probabilities of ``novelty.classes``; nan without an answer.
        novelty: of the calibration.
    """
    scores = novelty.scores(values.astype(np.float32))
    novel = pl.Series(NOVEL, novelty.is_novel(scores), pl.Boolean)
    return (
        pl.Series(NOVELTY, scores, pl.Float32).fill_nan(None),
        novel.set(pl.Series(~np.isfinite(scores)), None),
    )
