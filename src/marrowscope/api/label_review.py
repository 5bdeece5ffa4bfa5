"""Predictions of labelled cells come in; labels in doubt, for a cytologist, come out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.api.arguments import AnyPath, Cells, as_table, file_names, naming, optional_path
from marrowscope.evaluation.label_issues import SHARE, LabelIssues
from marrowscope.evaluation.label_issues import find_label_issues as find_issues
from marrowscope.extras import require_extra
from marrowscope.report.label_issue_pages import (
    ISSUE_LIST,
    require_label_issue_folder,
    write_label_issues,
)


@dataclass(frozen=True)
class LabelReview:
    """Labels in doubt, the most doubtful first.

    Attributes:
        issues: the list, and what it was drawn from.
        title: of the pages.
    """

    issues: LabelIssues
    title: str

    @property
    def table(self) -> pl.DataFrame:
        """One row per label: ``label``, ``suggested``, their probabilities, ``corrected``."""
        return self.issues.table

    @property
    def classes(self) -> pl.DataFrame:
        """One row per class: cells, mean probability of the label, estimated errors, listed."""
        return pl.DataFrame(
            [
                {
                    "label": one.code,
                    "cells": one.cells,
                    "mean_p": one.usual,
                    "estimated": one.estimated,
                    "listed": one.listed,
                }
                for one in self.issues.classes
            ]
        )

    @property
    def by_laboratory(self) -> pl.DataFrame:
        """The same per laboratory, where several are named; null for cells that name none."""
        return pl.DataFrame(
            [
                {
                    "laboratory": one.name or None,
                    "cells": one.cells,
                    "mean_p": one.usual,
                    "estimated": one.estimated,
                    "listed": one.listed,
                }
                for one in self.issues.laboratories
            ]
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left out."""
        reasons = (
            (
                self.issues.trained_on,
                "they are in the split train, on which the network was trained",
            ),
            (self.issues.not_judged, "the networks do not know their classes"),
        )
        return tuple(f"{count} cells left out: {why}" for count, why in reasons if count)

    def to_dict(self) -> dict[str, Any]:
        """Numbers as data for JSON."""
        return {
            "judged": self.issues.judged,
            "not_judged": self.issues.not_judged,
            "trained_on": self.issues.trained_on,
            "listed": self.table.height,
            "estimated": sum(one.estimated for one in self.issues.classes),
            "laboratories": {
                one.name: {"cells": one.cells, "estimated": one.estimated, "listed": one.listed}
                for one in self.issues.laboratories
            },
        }

    def save(self, folder: AnyPath) -> Path:
        """Write the list and pages with pictures into a folder.

        Returns:
            The list; fill in its column ``corrected`` and give it to ``index(relabel=...)``.

        Raises:
            InputError: the folder has a list with corrections in it, or cannot be written.
        """
        place = Path(folder)
        require_label_issue_folder(place)
        write_label_issues(self.issues, place, self.title)
        return place / ISSUE_LIST

    def __repr__(self) -> str:
        return f"<{self.table.height} of {self.issues.judged} labels in doubt>"


def find_label_issues(
    predictions: Cells, output: AnyPath | None = None, *, share: float = SHARE
) -> LabelReview:
    """List labels that are probably wrong (confident learning), for a cytologist to correct.

    Args:
        predictions: of labelled cells by networks that were not trained on them.
        output: folder for the list and its pages, looked at before and written after.
        share: of the cells, and of each class, to list, in (0, 1]: the most doubtful.

    Raises:
        InputError: the extra is missing, the table lacks a column, or ``output`` has corrections.
    """
    require_extra("analysis", "finding label issues")
    folder = optional_path(output)
    if folder is not None:
        require_label_issue_folder(folder)
    with naming(predictions):
        issues = find_issues(as_table(predictions), share)
    name = Path(file_names([predictions])).name or "predictions"
    made = LabelReview(issues, f"Labels in doubt: {name}")
    if folder is not None:
        made.save(folder)
    return made
