"""What a reader of a count must be told beside the numbers, in sentences."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from marrowscope.differential.count_roles import CellRole
from marrowscope.differential.held_out_answers import CONFIDENCE_BANDS, CONFIDENT, HeldOutCounts
from marrowscope.differential.tally import UNLIKE_KNOWN
from marrowscope.inference.calibrated_engine import NOVEL
from marrowscope.models.card import Card
from marrowscope.models.novelty import Novelty
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.smear.quality_map import QualityMap, RejectionReason, blood_phrase

FEW_CELLS = 100  # cells; below, the interval of a class of 5 % reaches from 2 to 11 % or further
_ODD, _MIN_ODD = 0.2, 20  # more unsure answers than among held-out cells; of so many cells
_DOUBT, _MOSTLY = 0.5, 0.4  # without held-out cells: share of answers below a confidence
_COARSE = 1.5  # times the pixel size of the training; then chromatin is not what it was there
_SHOWN = 5


@dataclass(frozen=True)
class FieldTotals:
    """How the fields were walked.

    Attributes:
        looked_at: fields.
        planned: fields there were to look at.
        countable: cells in the fields looked at.
        wanted: countable cells.
        refused: fields that were not counted, by reason.
        doubtful: fields that were counted, but do not look as they should, by reason.
        red_cells_per_nucleated: in field images; nan where it was not seen.
        unreadable: field images.
    """

    looked_at: int
    planned: int
    countable: int
    wanted: int
    refused: Mapping[RejectionReason, int]
    doubtful: Mapping[RejectionReason, int]
    red_cells_per_nucleated: float = float("nan")
    unreadable: int = 0


def field_warnings(totals: FieldTotals, quality_map: QualityMap | None) -> list[str]:
    """Blood, too few cells, fields that were not counted or with doubt."""
    lines = []
    ratio = (
        totals.red_cells_per_nucleated
        if quality_map is None
        else quality_map.red_cells_per_nucleated
    )
    blood = blood_phrase(ratio)
    if blood is not None:
        lines.append(f"This looks like {blood}")
    light = None if quality_map is None else quality_map.light_phrase()
    if light is not None:
        lines.append(light[0].upper() + light[1:])
    if totals.countable < FEW_CELLS:
        lines.append(
            f"Only {_cells(totals.countable)}: too few for a differential count; the "
            "percentages say next to nothing"
        )
    if totals.countable < totals.wanted:
        lines.append(
            f"The smear is exhausted: {_cells(totals.countable)} in "
            + (f"all {totals.planned:,} fields together" if totals.planned > 1 else "its one field")
            + f", {totals.wanted} were wanted"
        )
    if totals.refused:
        total = sum(totals.refused.values())
        lines.append(f"{_fields(total)} not counted: {describe_reasons(totals.refused)}")
    if totals.doubtful:
        total = sum(totals.doubtful.values())
        lines.append(f"{_fields(total)} counted with doubt: {describe_reasons(totals.doubtful)}")
    return lines


def pixel_size_warnings(microns_per_pixel: float, stated: bool) -> list[str]:
    """Where the pixel size is from, and what was done to come to that of the classifier."""
    lines = []
    ratio = microns_per_pixel / MICRONS_PER_PIXEL
    if ratio > _COARSE:
        lines.append(
            f"The images are {ratio:.1f} times as coarse as those the classifier was made for "
            f"({microns_per_pixel:g} to {MICRONS_PER_PIXEL} µm per pixel): chromatin "
            "looks unlike what it learned, and it is less reliable than its card says"
        )
    elif abs(ratio - 1) > 1e-3:  # as crop.prepare
        lines.append(
            f"Cells were resampled from {microns_per_pixel:g} to {MICRONS_PER_PIXEL} µm per pixel"
        )
    if stated:
        lines.append(f"The pixel size of {microns_per_pixel:g} µm was stated by the user")
    return lines


def damage_warnings(pieces: int, fields: bool) -> list[str]:
    """Pieces that could not be read."""
    if not pieces:
        return []
    what = "field image" if fields else "piece of the slide"
    many = f"{pieces} {what}s" if fields else f"{pieces} pieces of the slide"
    return [f"{f'1 {what}' if pieces == 1 else many} could not be read; cells there are missing"]


def classifier_warnings(
    card: Card, classes: tuple[str, ...], engine: str | None, novelty: Novelty | None = None
) -> list[str]:
    """What the classifier does not know, or was not made for.

    Args:
        card: of its bundle.
        classes: that it could answer.
        engine: what there is to say about the engine.
        novelty: by which cells unlike anything known are told; None: they are not.
    """
    lines = []
    rest = "" if novelty is None else f" unless they are {UNLIKE_KNOWN}"
    if len(card.known) < len(classes):
        lines.append(
            f"The classifier knows {len(card.known)} of {len(classes)} classes "
            f"({' '.join(card.known)}); cells of any other class are given one of these "
            f"names{rest}"
        )
    if card.note:
        lines.append(f"Note of the model: {card.note.rstrip('.')}")
    if card.data.get("synthetic"):
        lines.append("The classifier was trained on synthetic cells: its predictions mean nothing")
    if engine:
        lines.append(engine)
    return lines


def confidence_warnings(confidences: pl.Series, held_out: HeldOutCounts | None) -> list[str]:
    """That the classifier is less sure than it should be: a sign of cells unlike those it knows.

    Args:
        confidences: of the cells that were looked at.
        held_out: its answers for held-out cells, if there are any.
    """
    known = confidences.drop_nulls().to_numpy()
    if len(known) < _MIN_ODD:
        return []
    if held_out is None:
        doubt = float((known < _DOUBT).mean())
        if doubt <= _MOSTLY:
            return []
        beside = f"{100 * doubt:.0f} % of its predictions have a confidence below {_DOUBT:g}"
    else:
        here = float((known < np.float32(CONFIDENT)).mean())
        there = float(held_out.counts[:, ::CONFIDENCE_BANDS].sum() / held_out.counts.sum())
        if here - there <= _ODD:
            return []
        beside = (
            f"{100 * here:.0f} % of its predictions have a confidence below {CONFIDENT:g}, "
            f"{100 * there:.0f} % among the held-out cells"
        )
    return [
        f"The classifier is unsure of these cells: {beside}. They may look unlike those that it "
        "learned, by stain, light, resolution or kind; then neither count nor correction can be "
        "relied on"
    ]


def novelty_warnings(table: pl.DataFrame, novelty: Novelty | None) -> list[str]:
    """That there are cells unlike anything that the model knows.

    Args:
        table: all located cells, with ``role``, and ``novel`` where novelty is looked for.
        novelty: of the calibration; None where it is not looked for.
    """
    if novelty is None:
        return []
    cells = table.filter((pl.col("role") != CellRole.LEFT_OUT) & pl.col("predicted").is_not_null())
    novel = int(cells[NOVEL].sum())
    if not novel:
        return []
    verb = "is" if novel == 1 else "are"
    return [
        f"{novel:,} of {cells.height:,} cells ({100 * novel / cells.height:.1f} %) {verb} "
        f"{UNLIKE_KNOWN} and not in the count; of cells that it knows, "
        f"{100 * (1 - novelty.kept):.2g} % would be. Look at their pictures"
    ]


def _cells(number: int) -> str:
    return f"{number} countable cell" + ("" if number == 1 else "s")


def _fields(number: int) -> str:
    return f"{number:,} field" + ("" if number == 1 else "s")


def describe_reasons(counts: Mapping[RejectionReason, int]) -> str:
    """How many fields for which reason, the most frequent first."""
    order = sorted(counts, key=lambda reason: (-counts[reason], reason))[:_SHOWN]
    if sum(counts.values()) == 1:
        return order[0].description
    return ", ".join(f"{reason.description} ({counts[reason]:,})" for reason in order)
