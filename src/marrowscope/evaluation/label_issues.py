"""Predictions of labelled cells by networks that never saw them → labels probably wrong.

Confident learning (Northcutt, Jiang and Chuang 2021, J. Artif. Intell. Res. 70:1373–1411) through
cleanlab: a label is doubtful when a network that was trained without the cell gives it little
probability and another class much. How little is judged within the label's class: networks are less
sure of rare classes throughout, so that a rank by probability alone is flooded by the rare classes
or, when it is cut by the size of the classes, silent about them. The rank by odds relative to what
is usual in the class is our own choice; docs/label-noise.md compares it with others. Networks are
less sure of a laboratory that they know little of, too: where several are named, what is usual is
taken from the cells of the class in the same one.
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import LABORATORY, PROBABILITY, probability_codes, usable
from marrowscope.dataset.laboratories import laboratory_names, laboratory_of_rows
from marrowscope.errors import InputError, TableError
from marrowscope.morphology import in_display_order

SHARE = 0.05
MIN_PER_CLASS = 3  # so many suspects are shown of every class that has them
MIN_CELLS = 20
_TOLERANCE = 0.01  # of the sum of probabilities
_MIN_PROBABILITY = 1e-4  # probabilities below this are not told apart

Array = NDArray[np.float64]
ClassIndices = NDArray[np.int64]


@dataclass(frozen=True)
class ClassLabelIssues:
    """What a class's labels look like to networks that did not see them.

    Attributes:
        code: class of the label.
        cells: labelled so and judged.
        usual: mean probability that these cells get for their label, in [0, 1].
        estimated: labels that cleanlab takes for errors.
        listed: cells of the class in the list of suspects.
    """

    code: str
    cells: int
    usual: float
    estimated: int
    listed: int


@dataclass(frozen=True)
class LaboratoryLabelIssues:
    """The same of a laboratory.

    Attributes:
        name: of it; "" for cells that name none.
        cells: judged.
        usual: mean probability that these cells get for their label, in [0, 1].
        estimated: labels that cleanlab takes for errors.
        listed: cells in the list of suspects.
    """

    name: str
    cells: int
    usual: float
    estimated: int
    listed: int


@dataclass(frozen=True)
class LabelIssues:
    """The list for a cytologist, most doubtful first, and what it was drawn from.

    Attributes:
        table: columns ``rank`` (1-based among all judged cells), ``rank_in_class``, ``cell_id``,
            ``path``, ``label``, ``suggested`` (the most probable class), ``p_label`` and
            ``p_suggested`` in [0, 1], ``corrected`` (empty, for the cytologist); ``laboratory``
            where several are named.
        classes: in display order.
        laboratories: by name; empty where there are not several.
        judged: cells with a label and a prediction of it.
        not_judged: labelled cells of classes that the networks do not know.
        trained_on: rows left out because they are of the split ``train``.
    """

    table: pl.DataFrame
    classes: tuple[ClassLabelIssues, ...]
    judged: int
    not_judged: int
    trained_on: int
    laboratories: tuple[LaboratoryLabelIssues, ...] = ()


def find_label_issues(table: pl.DataFrame, share: float = SHARE) -> LabelIssues:
    """Rank labelled cells by doubt in their label.

    Listed are, of the cells that another class fits better, the most doubtful ``share`` of all
    cells and the most doubtful ``share`` of every class, of each class at least three.

    Args:
        table: predictions of networks that were not trained on the cells: ``cell_id``, ``path``,
            ``label``, ``p_<CODE>``. Rows of the split ``train`` are left out, except where a
            ``fold`` says which network did not see the cell.
        share: of the cells, in (0, 1].

    Raises:
        InputError: columns are missing, the share is out of range, probabilities do not sum to 1,
            a cell comes twice, or fewer than 20 cells of two classes can be judged.
    """
    if not 0 < share <= 1:
        raise InputError(f"`share` is {share}; expected more than 0 and at most 1, such as 0.05")
    rows, codes, trained_on, not_judged = _judged_rows(table)
    chosen = [pl.col(PROBABILITY + code).cast(pl.Float64) for code in codes]
    values: Array = rows.select(chosen).to_numpy().copy()
    sums = values.sum(axis=1)
    if not ((values >= 0).all() and (np.abs(sums - 1) < _TOLERANCE).all()):
        raise TableError("the p_<CODE> of the table are not probabilities that sum to 1")
    values /= sums[:, None]
    labels = np.array([codes.index(label) for label in rows["label"]], dtype=np.int64)
    own = values[np.arange(len(labels)), labels]
    owners = laboratory_of_rows(rows).fill_null("")
    several = len(laboratory_names(rows)) > 1
    groups = labels
    if several:
        _, groups = np.unique(
            labels + len(codes) * owners.rank("dense").to_numpy(), return_inverse=True
        )
    order, within = ranks(relative_odds(labels, values, groups), labels)
    best = values.argmax(axis=1)
    sizes = np.bincount(labels, minlength=len(codes))
    quota = np.maximum(np.ceil(share * sizes), MIN_PER_CLASS)[labels]
    listed = (best != labels) & ((order <= math.ceil(share * len(labels))) | (within <= quota))
    wrong = estimated_errors(labels, values)
    columns = {
        "rank": pl.Series(order, dtype=pl.Int64),
        "rank_in_class": pl.Series(within, dtype=pl.Int64),
        "cell_id": rows["cell_id"],
        "path": rows["path"],
        **({LABORATORY: rows[LABORATORY]} if several else {}),
        "label": rows["label"],
        "suggested": pl.Series([codes[place] for place in best], dtype=pl.String),
        "p_label": pl.Series(own.round(4)),
        "p_suggested": pl.Series(values.max(axis=1).round(4)),
        "corrected": pl.Series([None] * rows.height, dtype=pl.String),
    }
    classes = tuple(
        ClassLabelIssues(
            code,
            int(here.sum()),
            float(own[here].mean()),
            int((wrong & here).sum()),
            int((listed & here).sum()),
        )
        for code in in_display_order(set(rows["label"]))
        for here in [labels == codes.index(code)]
    )
    laboratories = tuple(
        LaboratoryLabelIssues(
            name,
            int(here.sum()),
            float(own[here].mean()),
            int((wrong & here).sum()),
            int((listed & here).sum()),
        )
        for name in sorted(set(owners) if several else (), key=lambda name: (not name, name))
        for here in [(owners == name).to_numpy()]
    )
    found = pl.DataFrame(columns).filter(pl.Series(listed)).sort("rank")
    return LabelIssues(found, classes, rows.height, not_judged, trained_on, laboratories)


def relative_odds(labels: ClassIndices, values: Array, groups: ClassIndices | None = None) -> Array:
    """How the given label stands against the best other class, beside what is usual for it.

    The label's probability (cleanlab's self-confidence) divided by its mean over all cells of the
    same group, and this divided by the probability of the most probable other class.

    Args:
        labels: (N,) places of the given classes.
        values: (N, C) probabilities from networks that did not see the cell.
        groups: (N,) numbers from 0 on, of cells with the same label; None: all of the label.

    Returns:
        (N,) above 0; the lower, the more doubtful.
    """
    from cleanlab.rank import get_label_quality_scores

    own: Array = np.asarray(get_label_quality_scores(labels, values, method="self_confidence"))
    groups = labels if groups is None else groups
    usual = (np.bincount(groups, weights=own) / np.maximum(np.bincount(groups), 1))[groups]
    share = np.divide(own, usual, out=np.zeros_like(own), where=usual > 0)
    others = values.copy()
    others[np.arange(len(labels)), labels] = 0
    odds: Array = (share + _MIN_PROBABILITY) / (others.max(axis=1) + _MIN_PROBABILITY)
    return odds


def ranks(scores: Array, labels: ClassIndices) -> tuple[ClassIndices, ClassIndices]:
    """1-based rank of every cell, lowest score first: among all and within its class.

    Cells with the same score stay in the order given, so that every cell has a rank of its own.
    """
    turn = np.argsort(scores, kind="stable")
    among_all = np.empty(len(scores), dtype=np.int64)
    among_all[turn] = np.arange(1, len(scores) + 1)
    within = np.empty_like(among_all)
    for place in np.unique(labels):
        members = turn[labels[turn] == place]
        within[members] = np.arange(1, len(members) + 1)
    return among_all, within


def estimated_errors(labels: ClassIndices, values: Array) -> NDArray[np.bool_]:
    """(N,) labels that confident learning takes for errors: pruned by class and by noise rate."""
    from cleanlab.filter import find_label_issues

    # Classes without a label have no usual probability; cleanlab counts places without gaps.
    present = np.unique(labels)
    kept = values[:, present]
    sums = kept.sum(axis=1, keepdims=True)
    even = np.full_like(kept, 1 / len(present))
    kept = np.divide(kept, sums, out=even, where=sums > 0)
    places = np.searchsorted(present, labels)
    found = find_label_issues(places, kept, filter_by="both", n_jobs=1)
    return np.asarray(found, dtype=bool)


def _judged_rows(table: pl.DataFrame) -> tuple[pl.DataFrame, list[str], int, int]:
    """Rows with a label that the networks know, their classes, rows left out for two reasons."""
    codes = probability_codes(table)
    missing = [name for name in ("cell_id", "path", "label") if name not in table.columns]
    if missing or not codes:
        raise TableError(
            f"the table has no {', '.join(missing) or 'p_<CODE>'}; give predictions of labelled "
            "cells by networks that were not trained on them"
        )
    rows = usable(table).drop_nulls(["cell_id", "label", *(PROBABILITY + code for code in codes)])
    before = rows.height
    if "split" in rows.columns:
        trained = pl.col("split").fill_null("") == "train"
        if "fold" in rows.columns:
            trained &= pl.col("fold").is_null()
        rows = rows.filter(~trained)
    trained_on = before - rows.height
    twice = rows.filter(pl.col("cell_id").is_duplicated())
    if twice.height:
        raise TableError(
            f"the table has cell {twice['cell_id'][0]} more than once; keep one prediction of each"
        )
    # A class that no cell is given any probability of was not among those learned.
    known = [code for code in codes if rows.height and float(rows[PROBABILITY + code].sum()) > 0]
    judged = rows.filter(pl.col("label").is_in(known))
    if judged.height < MIN_CELLS or judged["label"].n_unique() < 2:
        left_out = f" ({trained_on} more are of the split train)" if trained_on else ""
        raise TableError(
            f"the table has {judged.height} labelled and predicted cells of "
            f"{judged['label'].n_unique()} classes{left_out}; label issues are searched for "
            f"in at least {MIN_CELLS} cells of two classes"
        )
    return judged, known, trained_on, rows.height - judged.height
