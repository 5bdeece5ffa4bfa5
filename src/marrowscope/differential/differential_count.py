"""Predictions of the cells of a smear → its differential count."""

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.differential import count_roles
from marrowscope.differential.corrected_shares import (
    REPLICATES,
    CorrectedShares,
    correct_shares,
    ratio_interval,
    share_intervals,
)
from marrowscope.differential.decision_thresholds import (
    BLAST_DECISIONS,
    TARGET_CELLS,
    count_progress,
    open_corrected_decisions,
    open_decisions,
)
from marrowscope.differential.differential_result import Differential, Entry
from marrowscope.differential.held_out_answers import HeldOutCounts, count_answers
from marrowscope.differential.myeloid_erythroid_ratio import RatioEstimate, ratio_of_counts
from marrowscope.differential.rounding import DECIMALS, largest_remainder
from marrowscope.differential.tally import Tally, tally, unknown_classes
from marrowscope.errors import InputError
from marrowscope.morphology import Lineage
from marrowscope.scoring import Estimate, wilson_interval

Members = NDArray[np.bool_]

RATIO = (Lineage.MYELOID, Lineage.ERYTHROID)


def differential(
    table: pl.DataFrame,
    held_out: HeldOutCounts | None = None,
    known: Iterable[str] | None = None,
    min_confidence: float | None = None,
    flags: Iterable[str] = (),
    target: int = TARGET_CELLS,
    decimals: int = DECIMALS,
    replicates: int = REPLICATES,
    seed: int = 0,
    source: str = "cell table",
    novel: str | None = None,
) -> Differential:
    """Count the cells of one smear.

    The denominator are the cells of counted classes. Cells that are not classified stay out of it
    and are reported with the bounds they put on every class; artefacts and smudge cells are out.

    Args:
        table: one row per cell, with ``predicted``; ``confidence`` for a threshold or a
            correction.
        held_out: answers of the same classifier for held-out cells; none: no correction.
        known: classes that the classifier was taught, as its card says; see ``tally.tally``.
        min_confidence: below it a cell is not classified. The corrected estimate does not need it
            and uses all answers.
        flags: Boolean columns; rows for which one is true are left out.
        target: wanted countable cells.
        decimals: of the percentages.
        replicates: of the bootstrap.
        seed: of the bootstrap.
        source: named in errors.
        novel: Boolean column; cells for which it is true are unlike anything that the model knows.
            They are not classified, and take no part in the correction.

    Raises:
        InputError: a column is missing or wrong, or the held-out answers are of another model.
    """
    cells = tally(table, known, min_confidence, tuple(flags), source, novel)
    codes = tuple(cells.counted)
    labels: list[tuple[str, str, str, tuple[str, ...]]] = [
        (code, count_roles.name(code), count_roles.lineage(code).value, (code,)) for code in codes
    ]
    labels.append(("blasts", "blasts", Lineage.MYELOID.value, count_roles.BLASTS))
    for kind in Lineage:
        group = count_roles.lineage_codes(kind, codes)
        if group:
            labels.append((kind.value, f"{kind.value} cells", kind.value, group))
    estimate = None if held_out is None else _estimate(cells, held_out, replicates, seed, source)
    members = np.array([[one in group for one in codes] for *_, group in labels])
    counted = _counted(cells, members, decimals)
    corrected = _corrected(estimate, codes, members, decimals, seed)
    entries = tuple(
        Entry(code, name, lineage, *counted[row], _is_known(cells, group), *corrected[row])
        for row, (code, name, lineage, group) in enumerate(labels)
    )
    blasts = entries[len(codes)]
    over, under = (count_roles.lineage_codes(kind, codes) for kind in RATIO)
    return Differential(
        classes=entries[: len(codes)],
        lineages=entries[len(codes) + 1 :],
        blasts=blasts,
        ratio=_ratio(cells, over, under),
        corrected_ratio=_corrected_ratio(estimate, over, under, seed),
        tally=cells,
        decisions=open_decisions(blasts.count, cells.countable) if blasts.known else (),
        corrected_decisions=()
        if estimate is None or held_out is None or not cells.countable
        else open_corrected_decisions(
            estimate,
            count_answers(cells.familiar, held_out.codes),
            held_out,
            np.array([code in count_roles.BLASTS for code in held_out.codes]),
            np.array([code in cells.counted for code in held_out.codes]),
            BLAST_DECISIONS if blasts.corrected is not None else (),
            seed,
        ),
        progress=count_progress(cells.countable, cells.looked_at, target),
        unknown=unknown_classes(cells.known),
        uncorrected=() if estimate is None else estimate.uncorrected,
        seed=seed,
    )


def _estimate(
    cells: Tally, held_out: HeldOutCounts, replicates: int, seed: int, source: str
) -> CorrectedShares | None:
    rows = cells.familiar
    if "confidence" not in rows.columns or rows["confidence"].null_count():
        raise InputError(
            f"{source}: not every prediction has a confidence; the corrected estimate needs it"
        )
    unknown = sorted(set(rows["predicted"]) - set(held_out.codes))
    if unknown:
        raise InputError(
            f"{source}: class {unknown[0]} does not occur in the held-out answers; they must be "
            "of the model that predicted these cells"
        )
    return correct_shares(count_answers(rows, held_out.codes), held_out, replicates, seed)


def _counted(
    cells: Tally, members: Members, decimals: int
) -> list[tuple[int, float, Estimate, tuple[float, float]]]:
    """Count, percent, share and bounds of every group."""
    counts = np.array(list(cells.counted.values()), dtype=np.int64)
    percent = largest_remainder(counts, decimals)
    number = members @ counts
    total, open_cells = cells.countable, cells.unclassified
    low, high = wilson_interval(number.astype(np.float64), np.full(len(number), float(total)))
    wide = total + open_cells
    return [
        (
            int(n),
            round(float(percent[row].sum()), decimals),
            _holding(n / total if total else np.nan, low[place], high[place]),
            (n / wide, (n + open_cells) / wide) if wide else (0.0, 1.0),
        )
        for place, (n, row) in enumerate(zip(number.tolist(), members, strict=True))
    ]


def _holding(share: float, low: float, high: float) -> Estimate:
    """An interval whose ends rounding has not put on the wrong side of the share."""
    return Estimate(share, float(np.fmin(low, share)), float(np.fmax(high, share)))


def _corrected(
    estimate: CorrectedShares | None,
    codes: tuple[str, ...],
    members: Members,
    decimals: int,
    seed: int,
) -> list[tuple[float | None, Estimate | None]]:
    """Corrected percent and share of every group, None where nothing is known of it."""
    if estimate is None:
        return [(None, None)] * len(members)
    place = {code: number for number, code in enumerate(codes)}
    spread = np.zeros((len(codes), len(estimate.codes)), dtype=bool)
    for column, code in enumerate(estimate.codes):
        if code in place:
            spread[place[code], column] = True
    among: Members = np.asarray(spread.any(axis=0))
    share, low, high = share_intervals(estimate, members @ spread, among, seed)
    percent = largest_remainder(share[: len(codes)], decimals)
    return [
        (
            round(float(percent[row].sum()), decimals),
            Estimate(float(share[number]), float(low[number]), float(high[number])),
        )
        if any(codes[column] in estimate.estimated for column in np.flatnonzero(row))
        else (None, None)
        for number, row in enumerate(members)
    ]


def _corrected_ratio(
    estimate: CorrectedShares | None, over: tuple[str, ...], under: tuple[str, ...], seed: int
) -> RatioEstimate | None:
    if estimate is None or any(set(side).isdisjoint(estimate.estimated) for side in (over, under)):
        return None
    above, below = (np.array([code in side for code in estimate.codes]) for side in (over, under))
    return RatioEstimate(
        float(estimate.shares[above].sum()),
        float(estimate.shares[below].sum()),
        *ratio_interval(estimate, above, below, seed),
    )


def _ratio(cells: Tally, over: tuple[str, ...], under: tuple[str, ...]) -> RatioEstimate | None:
    if not (_is_known(cells, over) and _is_known(cells, under)):
        return None
    return ratio_of_counts(*(sum(cells.counted[code] for code in side) for side in (over, under)))


def _is_known(cells: Tally, group: tuple[str, ...]) -> bool:
    return not set(group).isdisjoint(cells.known)
