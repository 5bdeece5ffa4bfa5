"""Predictions of a set with other classes → agreement by class and lineage (Figure 4).

The study scaled 627 images of another laboratory to 250×250 px; predictions of *artefact* and *not
identifiable* (247) counted as no call, and the other 380 made a confusion matrix of the external
classes against its own 21, judged mostly by lineage.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import group_column, probability_codes
from marrowscope.dataset.laboratories import laboratory_of_rows
from marrowscope.errors import InputError, TableError
from marrowscope.evaluation.class_mapping import ClassMapping, apply_mapping
from marrowscope.inference.calibrated_engine import NO_CALL, NOVEL
from marrowscope.morphology import BY_CODE, CODES, NOT_CALLED, in_display_order
from marrowscope.scoring import wilson_interval

# Columns of a calibrated bundle, and what they say.
_CALIBRATED = {
    NOVEL: "unlike anything that the model knows",
    NO_CALL: "below the bundle's no-call limit",
}


@dataclass(frozen=True)
class CountedShare:
    """``right`` of ``cells`` with the Wilson 95 % interval; the share of none is nan."""

    right: int
    cells: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """In [0, 1]."""
        return self.right / self.cells if self.cells else float("nan")


@dataclass(frozen=True)
class ExternalClass:
    """One class of the external scheme.

    Attributes:
        name: in the external scheme.
        compatible: classes of the model that agree with it.
        lineages: of the compatible classes.
        no_calls: of all its cells.
        agreement: called cells whose prediction is compatible.
        lineage: called cells whose prediction lies in a lineage of the compatible classes; of no
            cells where none of these is one of the 21 classes.
    """

    name: str
    compatible: tuple[str, ...]
    lineages: tuple[str, ...]
    no_calls: CountedShare
    agreement: CountedShare
    lineage: CountedShare


@dataclass(frozen=True)
class ExternalLaboratory:
    """One laboratory of the set; ``name`` is "" for cells that name none. Shares as in a class."""

    name: str
    no_calls: CountedShare
    agreement: CountedShare
    lineage: CountedShare


@dataclass(frozen=True)
class ExternalResult:
    """The whole result.

    Attributes:
        codes: classes of the model: columns of ``matrix``.
        classes: of the external scheme: rows of ``matrix``.
        matrix: (E, C) counts of called cells.
        no_calls, agreement, lineage: over all cells.
        balanced: mean agreement over external classes that have called cells.
        reasons: cells without a call by reason; a cell with two counts for the first.
        unread: labelled cells without a prediction, left out of everything.
        warnings: lines that every report must carry.
        laboratories: each by itself, where there are several; else empty.
    """

    codes: tuple[str, ...]
    classes: tuple[ExternalClass, ...]
    matrix: NDArray[np.int64]
    no_calls: CountedShare
    agreement: CountedShare
    lineage: CountedShare
    balanced: float
    reasons: dict[str, int]
    unread: int
    warnings: tuple[str, ...]
    laboratories: tuple[ExternalLaboratory, ...] = ()


def evaluate_external(
    predictions: pl.DataFrame,
    mapping: ClassMapping,
    source: str = "the mapping",
    min_confidence: float | None = None,
) -> ExternalResult:
    """Judge predictions of a set with another class scheme.

    A cell is not called when its prediction is one of ``morphology.NOT_CALLED`` (unless that is
    compatible with its class), when its confidence is below ``min_confidence``, or when the
    bundle's calibration says so (a true ``no_call`` or ``novel``).

    Args:
        predictions: with the external class in ``label``, and ``predicted``.
        mapping: external class → compatible classes.
        source: the mapping file, named in errors.
        min_confidence: in (0, 1]; None: any.

    Raises:
        InputError: columns are missing, no row has both, or the mapping does not fit.
    """
    for column in ("label", "predicted"):
        if column not in predictions.columns:
            raise TableError(
                f"the table has no column {column}; the external class belongs in label, the "
                "model's answer in predicted ('marrowscope predict' of a list with labels)"
            )
    if min_confidence is not None and not 0 < min_confidence <= 1:
        raise InputError(f"`min_confidence` is {min_confidence}; expected a share up to 1")
    labelled = predictions.filter(pl.col("label").is_not_null())
    rows = labelled.filter(pl.col("predicted").is_not_null())
    if rows.height == 0:
        raise TableError("no row has both a label and a prediction")
    answered = set(rows["predicted"].to_list()) | set(probability_codes(rows))
    codes = tuple(in_display_order(answered | (set(CODES) if answered <= set(CODES) else set())))
    entry_of = apply_mapping(rows["label"].to_list(), mapping, codes, source)
    names = tuple(name for name in mapping if name in set(entry_of.values()))
    truth = np.array([names.index(entry_of[label]) for label in rows["label"]], dtype=np.int64)
    answer = np.array([codes.index(code) for code in rows["predicted"]], dtype=np.int64)
    right = np.array([[code in mapping[name] for code in codes] for name in names])
    lineages = [_lineages(mapping[name]) for name in names]
    same_lineage = np.array(
        [[bool(_lineages((code,)) & group) for code in codes] for group in lineages]
    )
    silent, reasons = _silent(rows, truth, answer, codes, right, min_confidence)
    matrix = np.zeros((len(names), len(codes)), dtype=np.int64)
    np.add.at(matrix, (truth[~silent], answer[~silent]), 1)
    totals = np.bincount(truth, minlength=len(names))
    classes = tuple(
        ExternalClass(
            name,
            mapping[name],
            tuple(sorted(lineages[place])),
            _share(totals[place] - matrix[place].sum(), totals[place]),
            _share(matrix[place][right[place]].sum(), matrix[place].sum()),
            _share(
                matrix[place][same_lineage[place]].sum(),
                matrix[place].sum() if lineages[place] else 0,
            ),
        )
        for place, name in enumerate(names)
    )
    judgeable = np.array([bool(group) for group in lineages])[truth]
    called = int(matrix.sum())
    judged = [entry.agreement.value for entry in classes if entry.agreement.cells]
    return ExternalResult(
        codes,
        classes,
        matrix,
        _share(rows.height - called, rows.height),
        _share((matrix * right).sum(), called),
        _share((matrix * same_lineage).sum(), matrix[[bool(group) for group in lineages]].sum()),
        float(np.mean(judged)) if judged else float("nan"),
        reasons,
        labelled.height - rows.height,
        tuple(_warnings(rows, classes, lineages)),
        _by_laboratory(rows, silent, right[truth, answer], same_lineage[truth, answer], judgeable),
    )


def _by_laboratory(
    rows: pl.DataFrame,
    silent: NDArray[np.bool_],
    agrees: NDArray[np.bool_],
    same_lineage: NDArray[np.bool_],
    judgeable: NDArray[np.bool_],
) -> tuple[ExternalLaboratory, ...]:
    """Shares of each laboratory, where there are several.

    Args:
        rows: (N) judged cells.
        silent: (N) not called.
        agrees: (N) the answer is compatible with the class.
        same_lineage: (N) it lies in a lineage of the class.
        judgeable: (N) the class has a lineage.
    """
    owners = laboratory_of_rows(rows)
    names = sorted(owners.drop_nulls().unique().to_list())
    if len(names) < 2:
        return ()
    found = []
    for name in [*names, *([""] if owners.null_count() else [])]:
        own = (owners.fill_null("") == name).to_numpy()
        called = own & ~silent
        found.append(
            ExternalLaboratory(
                name,
                _share((own & silent).sum(), own.sum()),
                _share((called & agrees).sum(), called.sum()),
                _share((called & same_lineage).sum(), (called & judgeable).sum()),
            )
        )
    return tuple(found)


def _silent(
    rows: pl.DataFrame,
    truth: NDArray[np.int64],
    answer: NDArray[np.int64],
    codes: tuple[str, ...],
    right: NDArray[np.bool_],
    min_confidence: float | None,
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Which cells are not called, (N,) bool, and how many for which reason."""
    no_call_made = np.array([code in NOT_CALLED for code in codes])[answer] & ~right[truth, answer]
    tests = {" or ".join(NOT_CALLED) + " predicted": no_call_made}
    if min_confidence is not None:
        if "confidence" not in rows.columns:
            raise TableError("the table has no column confidence, which `min_confidence` needs")
        sure = rows["confidence"].cast(pl.Float64).fill_nan(0.0).fill_null(0.0).to_numpy()
        tests[f"confidence below {min_confidence:g}"] = sure < min_confidence
    for column, reason in _CALIBRATED.items():
        if column in rows.columns and rows[column].dtype == pl.Boolean:
            tests[reason] = rows[column].fill_null(False).to_numpy()
    silent = np.zeros(len(answer), dtype=bool)
    reasons = {}
    for reason, hit in tests.items():
        reasons[reason] = int((hit & ~silent).sum())
        silent |= hit
    return silent, reasons


def _lineages(codes: tuple[str, ...]) -> set[str]:
    return {str(BY_CODE[code].lineage) for code in codes if code in BY_CODE}


def _share(right: np.int64 | int, cells: np.int64 | int) -> CountedShare:
    low, high = wilson_interval(np.array(float(right)), np.array(float(cells)))
    return CountedShare(int(right), int(cells), float(low), float(high))


def _warnings(
    rows: pl.DataFrame, classes: tuple[ExternalClass, ...], lineages: list[set[str]]
) -> list[str]:
    warnings = []
    if group_column(rows) is None:
        warnings.append(
            "No patient or slide ids: intervals take cells for independent, and are too narrow if "
            "many come from few patients."
        )
    else:
        warnings.append(
            f"Intervals are of single cells; cells of one {group_column(rows)} are alike, so they "
            "are too narrow."
        )
    several = [entry.name for entry, own in zip(classes, lineages, strict=True) if len(own) > 1]
    if several:
        warnings.append(f"Compatible with more than one lineage: {', '.join(several)}.")
    never_called = [entry.name for entry in classes if not entry.agreement.cells]
    if never_called:
        warnings.append(f"No cell is called of {', '.join(never_called)}.")
    if "annotator" in rows.columns and set(rows["annotator"].to_list()) == {"synthetic"}:
        warnings.append("Synthetic cells.")
    return warnings
