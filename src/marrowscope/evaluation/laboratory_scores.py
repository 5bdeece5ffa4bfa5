"""Evaluated cells of several laboratories → scores of each by itself."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.dataset.laboratories import laboratory_names, laboratory_of_rows
from marrowscope.evaluation.bootstrap import resampled_matrices
from marrowscope.evaluation.class_scores import class_result, scores_with_intervals
from marrowscope.evaluation.evaluation_result import TOTALS, LaboratoryScores
from marrowscope.scoring import confusion_matrix


def scores_by_laboratory(
    rows: pl.DataFrame,
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    codes: tuple[str, ...],
    tolerant: NDArray[np.bool_],
    resamples: int,
    seed: int,
    groups: list[str] | None = None,
) -> tuple[LaboratoryScores, ...]:
    """Score every laboratory; () when there are not at least two.

    A class takes part in the laboratories that have a cell of it. Nothing published stands beside
    these scores.

    Args:
        rows: (N) evaluated cells.
        truth, predicted: (N,) places in ``codes``.
        codes: the classes.
        tolerant: (C, C) what counts as correct in the tolerant scores.
        resamples, seed: of the bootstrap.
        groups: (N) units that are drawn as wholes; None for single cells.
    """
    names = laboratory_names(rows)
    if len(names) < 2:
        return ()
    owners = laboratory_of_rows(rows).fill_null("").to_numpy()
    found = []
    for name in [*names, *([""] if (owners == "").any() else [])]:
        chosen = owners == name
        own = None if groups is None else [groups[row] for row in np.flatnonzero(chosen)]
        several = own if own is not None and len(set(own)) > 1 else None
        matrix = confusion_matrix(truth[chosen], predicted[chosen], len(codes))
        draws = resampled_matrices(
            truth[chosen], predicted[chosen], len(codes), resamples, seed, several
        )
        results = {
            "strict": scores_with_intervals(matrix, draws, np.eye(len(codes), dtype=bool)),
            "tolerant": scores_with_intervals(matrix, draws, tolerant),
        }
        classes = [
            class_result(code, place, matrix, results, synthetic=True)
            for place, code in enumerate(codes)
        ]
        found.append(
            LaboratoryScores(
                name,
                int(matrix.sum()),
                {total: results["strict"][total] for total in TOTALS},
                {total: results["tolerant"][total] for total in TOTALS},
                tuple(one for one in classes if one.cells or one.predicted),
            )
        )
    return tuple(found)
