"""External validation → a section of a report, with its figures in the folder."""

from pathlib import Path

from marrowscope.evaluation.domain_shift import DomainShift
from marrowscope.evaluation.external_validation import CountedShare, ExternalResult
from marrowscope.io.atomic import replacing
from marrowscope.report.external_figures import domain_shift_figure, external_figure
from marrowscope.report.study_page import Section, SectionFigure, Table

FIGURE, SHIFT_FIGURE = "external.png", "shift.png"
STUDY_CELLS, STUDY_NO_CALLS = 627, 0.39  # Figure 4 of the study


def external_section(result: ExternalResult, moved: DomainShift | None, folder: Path) -> Section:
    """Draw the figures into a folder and tell what they show.

    Args:
        result: of ``evaluation.external_validation.evaluate_external``.
        moved: how far the set lies from the training images; None where it was not measured.
        folder: of the figures.
    """
    pictures = [SectionFigure("External classes and predicted classes", FIGURE)]
    with replacing(folder / FIGURE) as temporary:
        external_figure(result).savefig(temporary, format="png", dpi=150)
    tables = [_by_class(result), *_by_laboratory(result)]
    lines = [
        f"No call for {share_text(result.no_calls)} of {result.no_calls.cells} cells (study: "
        f"{STUDY_NO_CALLS:.0%} of {STUDY_CELLS}, another set); of those called "
        f"{share_text(result.agreement)} agree{_interval(result.agreement)}, "
        f"{share_text(result.lineage)} by lineage{_interval(result.lineage)}.",
        *(f"No call, {reason}: {count} cells." for reason, count in result.reasons.items()),
        *result.warnings,
    ]
    if moved is not None:
        with replacing(folder / SHIFT_FIGURE) as temporary:
            domain_shift_figure(moved).savefig(temporary, format="png", dpi=150)
        pictures.append(
            SectionFigure("How far the set lies from the training images", SHIFT_FIGURE)
        )
        if moved.features is not None:
            lines.append(
                "In the features of the network a cell of the set lies "
                f"{moved.features.ratio:.2f} times as far from the training cells as these from "
                f"each other; {moved.features.beyond:.0%} lie beyond 95 % of them."
            )
    return Section("External validation", "Figure 4", tuple(lines), tuple(tables), tuple(pictures))


def share_text(share: CountedShare) -> str:
    """Per cent, or a dash for no cell at all."""
    return f"{share.value:.0%}" if share.cells else "–"


def _interval(share: CountedShare) -> str:
    return f" ({share.low:.0%}–{share.high:.0%})" if share.cells else ""


def _by_class(result: ExternalResult) -> Table:
    rows = tuple(
        (
            one.name,
            " ".join(one.compatible) or "–",
            str(one.no_calls.cells),
            share_text(one.no_calls),
            share_text(one.agreement),
            share_text(one.lineage),
        )
        for one in result.classes
    )
    head = ("external class", "compatible", "cells", "no call", "agree", "agree by lineage")
    return Table("By external class", head, rows)


def _by_laboratory(result: ExternalResult) -> tuple[Table, ...]:
    """Shares of each laboratory, where there are several."""
    if not result.laboratories:
        return ()
    rows = tuple(
        (
            one.name or "not named",
            str(one.no_calls.cells),
            share_text(one.no_calls),
            share_text(one.agreement) + _interval(one.agreement),
            share_text(one.lineage) + _interval(one.lineage),
        )
        for one in result.laboratories
    )
    head = ("laboratory", "cells", "no call", "agree", "agree by lineage")
    return (Table("By laboratory", head, rows),)
