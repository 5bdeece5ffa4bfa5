"""Count of a smear → a folder: page for screens, PDF, data, cells and figures."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.counting.smear_count import SmearCount
from marrowscope.errors import InputError
from marrowscope.exchange.geojson_writer import by_picture, write_pictures
from marrowscope.io.atomic import replacing, replacing_folder, require_replaceable
from marrowscope.io.folder_guards import entry_names
from marrowscope.io.json_data import json_text
from marrowscope.report.count.count_data import DATA, KIND, count_dict, count_frame
from marrowscope.report.count.count_page import PAPER, SCREEN, render_count
from marrowscope.report.count.dicom_annotations import write_annotations
from marrowscope.report.count.fhir import diagnostic_bundle
from marrowscope.report.count.interval_figure import drawable, interval_figure
from marrowscope.report.count.smear_figure import smear_figure
from marrowscope.report.html import figure_png
from marrowscope.report.pdf_export import html_to_pdf as as_pdf
from marrowscope.report.pdf_export import require_pdf

RECORD = "slide.json"  # by which a fleet knows that the slide is done
_OWN = {
    RECORD,
    "report.html",
    "report.pdf",
    DATA,
    "count.csv",
    "cells.parquet",
    "fhir.json",
    "annotations.dcm",
    "intervals.png",
    "smear.png",
    "cells.geojson",
    "geojson",
}
_DPI = 160
_LARGESTDATA = 64_000_000  # bytes of a count.json that is looked into


def write_count_report(
    count: SmearCount,
    folder: Path,
    pdf: bool = True,
    issued: datetime | None = None,
    geojson: bool = False,
    record: bytes | None = None,
) -> tuple[Path, ...]:
    """Write page, PDF, count.json, count.csv, fhir.json, cells.parquet and figures.

    All in one rename. For a DICOM slide annotations.dcm too.

    Args:
        count: of one smear.
        folder: new, empty, or an earlier report of a count, which is replaced as a whole.
        pdf: whether to write report.pdf.
        issued: date of the report, with time zone; now by default.
        geojson: whether to write the cells for QuPath: cells.geojson, or a file for each field
            image in geojson/.
        record: content of slide.json, for the report of a slide among many.

    Returns:
        Paths of what was written, the page first.

    Raises:
        InputError: the folder cannot be written, or holds anything but an earlier report; or the
            library for PDFs is missing.
    """
    require_count_folder(folder)
    if pdf:
        require_pdf()
    issued = issued if issued is not None else datetime.now(UTC)
    figures = _figures(count)
    with replacing_folder(folder) as place:
        # A name may not be valid text; marks replace the odd bytes.
        page = render_count(count, issued, figures, SCREEN)
        (place / "report.html").write_text(page, encoding="utf-8", errors="replace")
        if pdf:
            (place / "report.pdf").write_bytes(as_pdf(render_count(count, issued, figures, PAPER)))
        data = json_text(count_dict(count, issued))
        (place / DATA).write_text(data, encoding="utf-8", errors="replace")
        count_frame(count).write_csv(place / "count.csv")
        fhir = json_text(diagnostic_bundle(count, issued), indent=None)
        (place / "fhir.json").write_text(fhir, encoding="utf-8", errors="replace")
        count.cells.write_parquet(
            place / "cells.parquet", compression="zstd", metadata={"use": RESEARCH_USE_ONLY}
        )
        write_annotations(count, place / "annotations.dcm")
        if geojson:
            _write_geojson(count, place)
        for name, picture in figures.items():
            (place / f"{name}.png").write_bytes(picture)
        if record is not None:
            (place / RECORD).write_bytes(record)
        names = sorted(path.name for path in place.iterdir())
    return tuple(folder / name for name in sorted(names, key=lambda one: one != "report.html"))


def _write_geojson(count: SmearCount, place: Path) -> None:
    cells = count.cells.with_columns(microns_per_pixel=pl.lit(count.microns_per_pixel))
    pictures = by_picture(cells, count.sources[0])
    target = place / ("cells.geojson" if len(pictures) == 1 else "geojson")
    write_pictures(pictures, target)


def write_count_page(count: SmearCount, path: Path, issued: datetime) -> Path:
    """Write the page alone, with all that it shows inside.

    Raises:
        InputError: it cannot be written.
    """
    page = render_count(count, issued, _figures(count), SCREEN)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")
    return path


def require_count_folder(folder: Path) -> None:
    """Refuse a folder that is not a report of a count: what it holds would be lost.

    Raises:
        InputError: it holds something else, cannot be listed, or a report cannot be put there.
    """
    require_replaceable(folder)
    names = entry_names(folder)
    others = sorted(names - _OWN)
    if names and not others and not _is_report(folder):
        others = sorted(names)
    if others:
        raise InputError(
            f"{folder}: holds {others[0]} and is not the report of a count; name a new folder"
        )


def _is_report(folder: Path) -> bool:
    try:
        path = folder / DATA
        if path.stat().st_size > _LARGESTDATA:
            return False
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(data, dict) and data.get("kind") == KIND


def _figures(count: SmearCount) -> dict[str, bytes]:
    found = {}
    if count.differential.tally.countable:
        found["intervals"] = figure_png(interval_figure(count.differential), _DPI)
    if count.overview is not None:
        overview = count.overview
        figure = smear_figure(
            overview.contour,
            overview.quality_map,
            overview.plan,
            drawable(count.name),
            len(count.fields),
        )
        found["smear"] = figure_png(figure, _DPI)
    return found
