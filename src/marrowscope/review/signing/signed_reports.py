"""A signed count → its report as page, PDF, FHIR, data and DICOM, as of any other count."""

import tempfile
from datetime import datetime
from pathlib import Path

from marrowscope.io.json_data import json_text
from marrowscope.report.count.count_data import count_dict
from marrowscope.report.count.count_page import PAPER, SCREEN, render_count
from marrowscope.report.count.dicom_annotations import write_annotations
from marrowscope.report.count.fhir import diagnostic_bundle
from marrowscope.report.count.interval_figure import interval_figure
from marrowscope.report.html import figure_png
from marrowscope.report.pdf_export import html_to_pdf
from marrowscope.review.refusals import NotFoundError
from marrowscope.review.signing.reviewed_count import ReviewedCount

_DPI = 160


def html_report(made: ReviewedCount) -> bytes:
    """A page that holds all it shows."""
    page = render_count(made.count, _issued(made), _figures(made), SCREEN)
    return page.encode("utf-8", "replace")


def pdf_report(made: ReviewedCount) -> bytes:
    """The same on paper.

    Raises:
        InputError: no PDF can be made on this machine.
    """
    return html_to_pdf(render_count(made.count, _issued(made), _figures(made), PAPER))


def fhir_report(made: ReviewedCount) -> bytes:
    """A FHIR bundle."""
    bundle = diagnostic_bundle(made.count, _issued(made))
    return json_text(bundle, None).encode("utf-8", "replace")


def data_report(made: ReviewedCount) -> bytes:
    """Everything but pictures and single cells as JSON."""
    return json_text(count_dict(made.count, _issued(made))).encode("utf-8", "replace")


def dicom_report(made: ReviewedCount) -> bytes:
    """The reviewed cells as DICOM annotations over their slide.

    Raises:
        NotFoundError: they do not lie on a DICOM slide, or the extra is missing.
    """
    with tempfile.TemporaryDirectory(prefix="marrowscope-") as folder:
        path = Path(folder) / "annotations.dcm"
        if not write_annotations(made.count, path):
            raise NotFoundError("the cells do not lie on a DICOM slide", "no-dicom")
        return path.read_bytes()


def _issued(made: ReviewedCount) -> datetime:
    return datetime.fromisoformat(made.time)


def _figures(made: ReviewedCount) -> dict[str, bytes]:
    result = made.count.differential
    if not result.tally.countable:
        return {}
    return {"intervals": figure_png(interval_figure(result), _DPI)}
