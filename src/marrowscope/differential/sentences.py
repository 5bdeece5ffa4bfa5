"""Differential count → sentences for reports and terminals."""

import math

from marrowscope.differential.count_roles import BLASTS, NOT_IN_SCHEME, name
from marrowscope.differential.decision_thresholds import FACTORS, Decision
from marrowscope.differential.differential_result import Differential
from marrowscope.differential.myeloid_erythroid_ratio import RatioEstimate
from marrowscope.differential.tally import BELOW_THRESHOLD, UNLIKE_KNOWN
from marrowscope.scoring import Estimate

RATIO_CONVENTION = (
    "M: granulocytic and monocytic cells including blasts; E: erythroblasts including "
    "proerythroblasts; lymphocytes and plasma cells are in neither"
)
ASSUMPTION = (
    "Corrected estimate: assumes that cells of each class look in this smear as they did among "
    "the held-out cells, so that they are confused as often"
)


def sentences(result: Differential) -> tuple[str, ...]:
    """Everything that must be said beside the table, the most important first."""
    return (
        *_size(result),
        *_blasts(result),
        *_open(result),
        *_ratio(result),
        *_scheme(result),
        *_correction(result),
    )


def share_text(interval: Estimate) -> str:
    """A share with its interval in per cent, as in ``5.0 % (3.4 to 7.3)``."""
    if math.isnan(interval.value):
        return "no cells"
    return f"{100 * interval.value:.1f} % ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def ratio_text(ratio: RatioEstimate) -> str:
    """A ratio with its interval, as in ``2.9 (2.3 to 3.7)``."""
    if math.isnan(ratio.value):
        return "not defined: no cells of either kind"
    if math.isinf(ratio.value):
        return f"no erythroblasts (at least {ratio_number(ratio.low)})"
    return f"{ratio_number(ratio.value)} ({ratio_ends(ratio)})"


def ratio_ends(ratio: RatioEstimate) -> str:
    """The interval of a ratio, as in ``2.3 to 3.7``."""
    above = f"to {ratio_number(ratio.high)}" if math.isfinite(ratio.high) else "upwards"
    return f"{ratio_number(ratio.low)} {above}"


def ratio_number(value: float) -> str:
    """One decimal, and below 1 two digits that say something."""
    if value >= 1 or value <= 0:
        return f"{value:.1f}"
    return f"{value:.{1 - math.floor(math.log10(value))}f}"


MIN_CELLS_TO_EXTRAPOLATE = (
    50  # below, the present share says nothing of the one that counting on would find
)


def decision_text(decision: Decision) -> str:
    """What it takes to settle a threshold."""
    per_cent = f"{100 * decision.threshold:g} %"
    if decision.total is None or decision.more is None:
        return (
            f"The blasts are just at {per_cent}; practically no number of further cells would "
            "settle it"
        )
    needed = f"about {decision.more:,} more countable cells ({decision.total:,} in all)"
    if decision.practically_never:
        return (
            f"The interval of the blasts contains {per_cent}; at the present share it would take "
            f"{needed} to settle it, which is not practical"
        )
    return (
        f"The interval of the blasts contains {per_cent}; at the present share {needed} would "
        "settle it"
    )


def _size(result: Differential) -> list[str]:
    cells, goal = result.tally, result.progress
    unit = "cell" if cells.countable == 1 else "cells"
    lines = [f"{cells.countable:,} countable {unit} of {cells.looked_at:,} looked at"]
    if not cells.countable:
        lines[0] += ": no differential count can be given"
    if not goal.reached:
        line = f"Fewer countable cells than the {goal.target:,} wanted"
        if goal.expected is not None:
            line += f"; about {goal.expected:,} more cells have to be looked at"
        lines.append(line)
    out = {name(code): number for code, number in cells.excluded.items() if number}
    if out:
        lines.append(f"Not counted: {_list(out)}")
    if cells.left_out:
        lines.append(f"Left out: {_list(cells.left_out)}")
    return lines


def _open(result: Differential) -> list[str]:
    cells = result.tally
    if not cells.unclassified:
        return []
    parts = {
        reason if reason in (BELOW_THRESHOLD, UNLIKE_KNOWN) else name(reason): number
        for reason, number in cells.not_classified.items()
        if number
    }
    low, high = result.blasts.bounds
    return [
        f"Not classified: {cells.unclassified:,} of {cells.countable + cells.unclassified:,} "
        f"({_list(parts)}); if none or all of them are blasts, blasts are {100 * low:.1f} % or "
        f"{100 * high:.1f} %"
    ]


def _blasts(result: Differential) -> list[str]:
    if not result.tally.countable:
        return []
    lines = [decision_text(decision) for decision in result.decisions]
    if lines and result.tally.countable < MIN_CELLS_TO_EXTRAPOLATE:
        within = ", ".join(f"{100 * decision.threshold:g} %" for decision in result.decisions)
        lines = [f"The interval of the blasts contains {within}; {_too_few(result)}"]
    if result.corrected_decisions and result.tally.countable < MIN_CELLS_TO_EXTRAPOLATE:
        within = ", ".join(f"{100 * one.threshold:g} %" for one in result.corrected_decisions)
        return [
            *lines,
            f"The corrected interval of the blasts contains {within}; {_too_few(result)}",
        ]
    for decision in result.corrected_decisions:
        settled = (
            f"about {decision.factor} times as many cells would settle it"
            if decision.factor is not None
            else f"not even {FACTORS[-1]} times as many cells would, only more held-out cells"
        )
        lines.append(
            f"The corrected interval of the blasts contains {100 * decision.threshold:g} %; "
            f"{settled}"
        )
    return lines


def _too_few(result: Differential) -> str:
    cells = result.tally.countable
    return (
        f"{cells:,} countable {'cell is' if cells == 1 else 'cells are'} too few to say how many "
        "more would settle it"
    )


def _ratio(result: Differential) -> list[str]:
    if result.ratio is None:
        lines = ["No M:E ratio: this model does not know the cells of both sides"]
    else:
        lines = [f"M:E ratio: {ratio_text(result.ratio)}. {RATIO_CONVENTION}"]
    if result.corrected_ratio is not None:
        lines.append(f"M:E ratio after correction: {ratio_text(result.corrected_ratio)}")
    return lines


def _scheme(result: Differential) -> list[str]:
    lines = []
    if result.unknown:
        names = ", ".join(name(code) for code in result.unknown)
        lines.append(f"Not known to this model, so never found: {names}")
    if not set(result.unknown).isdisjoint(BLASTS):
        lines.append("This model does not know blasts: their count of 0 means nothing")
    lines.append(f"The 21 classes have no place for {', '.join(NOT_IN_SCHEME)}")
    return lines


def _correction(result: Differential) -> list[str]:
    if all(entry.corrected is None for entry in result.classes):
        return []
    lines = [ASSUMPTION]
    if result.uncorrected:
        names = ", ".join(name(code) for code in result.uncorrected)
        lines.append(f"Not corrected, for want of held-out cells: {names}")
    return lines


def _list(numbers: dict[str, int]) -> str:
    return ", ".join(f"{what} {number:,}" for what, number in numbers.items())
