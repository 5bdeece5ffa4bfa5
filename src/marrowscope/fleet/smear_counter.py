"""One smear → its count and its report, with a model and settings that were found to fit."""

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from marrowscope.cells import LABORATORY
from marrowscope.counting.count_smear import CountSettings, count_smear
from marrowscope.counting.smear_count import SmearCount
from marrowscope.counting.smear_sources import SmearSource
from marrowscope.inference.engine import Engine
from marrowscope.models.card import Card
from marrowscope.progress import Stage
from marrowscope.report.count.count_report import write_count_report


@dataclass(frozen=True)
class ReportSettings:
    """What is written beside the page and the data.

    Attributes:
        pdf: a PDF.
        geojson: the cells for QuPath.
        laboratory: that made the pictures; a column of the cells. None: no such column.
    """

    pdf: bool = False
    geojson: bool = False
    laboratory: str | None = None


@dataclass(frozen=True)
class SmearCounter:
    """A model and settings that were found to fit, to count smears with.

    Attributes:
        engine, card: of the classifier.
        engine_remark: what is to be said of the choice of the engine.
        settings: of the count.
        reports: of its report.
    """

    engine: Engine
    card: Card
    engine_remark: str | None
    settings: CountSettings
    reports: ReportSettings

    def count(self, smear: SmearSource, progress: Stage | None = None) -> SmearCount:
        """Count one smear.

        Raises:
            InputError: as ``count_smear``.
        """
        made = count_smear(
            smear, self.engine, self.card, self.settings, progress, self.engine_remark
        )
        laboratory = self.reports.laboratory
        if laboratory is None:
            return made
        named = made.cells.with_columns(pl.lit(laboratory, pl.String).alias(LABORATORY))
        return replace(made, cells=named)

    def write(
        self, count: SmearCount, folder: Path, record: bytes | None = None
    ) -> tuple[Path, ...]:
        """Write the report of a count.

        Args:
            count: of ``self.count``.
            folder: as for ``write_count_report``.
            record: content of ``slide.json``, which appears with the report.

        Raises:
            InputError: as ``write_count_report``.
        """
        reports = self.reports
        return write_count_report(
            count, folder, pdf=reports.pdf, geojson=reports.geojson, record=record
        )
