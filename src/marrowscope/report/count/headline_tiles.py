"""Count → the four tiles at the head of the page: cells, blasts, M:E ratio, not classified."""

import math
from dataclasses import dataclass

from marrowscope.counting.smear_count import SmearCount
from marrowscope.differential.differential_result import Entry
from marrowscope.differential.myeloid_erythroid_ratio import RatioEstimate
from marrowscope.differential.sentences import ratio_ends, ratio_number, ratio_text
from marrowscope.differential.tally import UNLIKE_KNOWN
from marrowscope.report.count.class_table import percent_text


@dataclass(frozen=True)
class Tile:
    """A label, a figure, and what belongs to it in small letters."""

    label: str
    value: str
    lines: tuple[str, ...]


def headline_tiles(count: SmearCount) -> tuple[Tile, ...]:
    """What a reader wants first."""
    result = count.differential
    cells, goal = result.tally, result.progress
    looked_at = f"of {cells.looked_at:,} looked at, in {_number(len(count.fields), 'field')}"
    wanted = f"wanted: {goal.target:,}" + ("" if goal.reached else ", not reached")
    low, high = result.blasts.bounds
    sure = cells.countable and result.blasts.known
    bounds = f"blasts {100 * low:.1f} % or {100 * high:.1f} %, if none or all of them are blasts"
    return (
        Tile("Countable cells", f"{cells.countable:,}", (looked_at, wanted)),
        _blasts(result.blasts, cells.countable),
        _ratio(result.ratio, result.corrected_ratio),
        Tile(
            "Not classified",
            f"{cells.unclassified:,} of {cells.countable + cells.unclassified:,}",
            ((bounds,) if sure else ()) + _novel(cells.novel),
        ),
    )


def _blasts(entry: Entry, cells: int) -> Tile:
    if not entry.known:
        return Tile("Blasts", "not known", ("this model was not taught them",))
    if not cells:
        return Tile("Blasts", "no cells", ())
    interval = entry.counted
    lines = [f"95 % interval {100 * interval.low:.1f} to {100 * interval.high:.1f} (Wilson)"]
    if entry.corrected is not None:
        inside = f"{100 * entry.corrected.low:.1f} to {100 * entry.corrected.high:.1f}"
        lines.append(f"corrected: {percent_text(entry.corrected_percent)} % ({inside})")
    return Tile("Blasts", f"{entry.percent:.1f} %", tuple(lines))


def _ratio(ratio: RatioEstimate | None, corrected: RatioEstimate | None) -> Tile:
    lines = [] if corrected is None else [f"corrected: {ratio_text(corrected)}"]
    if ratio is None:
        unknown = "this model does not know the cells of both sides"
        return Tile("M:E ratio", "none", (unknown, *lines))
    if not math.isfinite(ratio.value):
        return Tile("M:E ratio", "–", (ratio_text(ratio), *lines))
    return Tile(
        "M:E ratio", ratio_number(ratio.value), (f"95 % interval {ratio_ends(ratio)}", *lines)
    )


def _novel(cells: int | None) -> tuple[str, ...]:
    return () if not cells else (f"{cells:,} of them {UNLIKE_KNOWN}",)


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")
