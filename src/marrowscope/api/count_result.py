"""The count of one smear: its numbers, and the report of them in every form."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.api.arguments import AnyPath
from marrowscope.counting.smear_count import SmearCount
from marrowscope.differential.differential_result import Differential
from marrowscope.differential.sentences import sentences
from marrowscope.report.count.count_data import count_dict, count_frame
from marrowscope.report.count.count_report import write_count_page, write_count_report
from marrowscope.report.count.count_summary import count_summary
from marrowscope.report.count.dicom_annotations import annotations_missing
from marrowscope.report.count.fhir import diagnostic_bundle


@dataclass(frozen=True)
class CountResult:
    """The differential count of one smear; shows itself as a table in a notebook.

    Attributes:
        smear_count: everything it consists of.
        files: of the report, where one was written; the page first.
    """

    smear_count: SmearCount
    files: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Of the smear."""
        return self.smear_count.name

    @property
    def differential(self) -> Differential:
        """Shares with their intervals, lineages, blasts, M:E ratio, tally of the cells."""
        return self.smear_count.differential

    @property
    def table(self) -> pl.DataFrame:
        """One row per class: ``code``, ``count``, ``percent``, ``low``, ``high``, and so on."""
        return count_frame(self.smear_count)

    @property
    def cells(self) -> pl.DataFrame:
        """One row per located cell: place, kind, probabilities, answer, and its role."""
        return self.smear_count.cells

    @property
    def remarks(self) -> tuple[str, ...]:
        """What must be said beside the numbers, the most important first."""
        return self.smear_count.remarks

    @property
    def left_out(self) -> tuple[str, ...]:
        """Files that the report lacks because an extra is missing, with the command to type."""
        missing = annotations_missing(self.smear_count)
        return () if missing is None else (missing,)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The count in words."""
        return sentences(self.smear_count.differential)

    def to_dict(self, issued: datetime | None = None) -> dict[str, Any]:
        """Everything but pictures and single cells as data for JSON; ``count.json`` of a report."""
        return count_dict(self.smear_count, _issued(issued))

    def to_fhir(self, issued: datetime | None = None) -> dict[str, Any]:
        """A FHIR R4 bundle: DiagnosticReport, Observations, Device; all of it preliminary."""
        return diagnostic_bundle(self.smear_count, _issued(issued))

    def to_html(self, path: AnyPath, issued: datetime | None = None) -> Path:
        """Write the report as one page that needs no other file.

        Raises:
            InputError: it cannot be written.
        """
        return write_count_page(self.smear_count, Path(path), _issued(issued))

    def save(
        self,
        folder: AnyPath,
        pdf: bool = False,
        geojson: bool = False,
        issued: datetime | None = None,
    ) -> tuple[Path, ...]:
        """Write the report as a folder: page, data, cells, figures, FHIR.

        Args:
            folder: new, empty, or an earlier report, which is replaced.
            pdf: a PDF too.
            geojson: the cells for QuPath too.
            issued: date of the report, with time zone; now by default.

        Returns:
            Paths of what was written, the page first.

        Raises:
            InputError: the folder holds something else or cannot be written, or no PDF can be made.
        """
        return write_count_report(
            self.smear_count, Path(folder), pdf=pdf, issued=issued, geojson=geojson
        )

    def __repr__(self) -> str:
        cells = self.differential.tally
        return (
            f"<count of {self.name}: {cells.countable} countable cells of {cells.looked_at}, "
            f"{self.smear_count.card.name}>"
        )

    def _repr_html_(self) -> str:
        return count_summary(self.smear_count)


def _issued(given: datetime | None) -> datetime:
    return datetime.now(UTC) if given is None else given
