"""A slide or fields of a smear come in, its cells and its differential count come out."""

import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.api.arguments import AnyPath, path_list
from marrowscope.api.classifier import Model, as_model
from marrowscope.cells import require_table_name, write_cells
from marrowscope.counting.correction_source import find_held_out, least_confidence
from marrowscope.counting.count_smear import CountSettings, count_smear, validate_settings
from marrowscope.counting.smear_count import SmearCount
from marrowscope.counting.smear_sources import SmearSource, open_smears
from marrowscope.detection.detect_cells import (
    CROP_NAME,
    detect_cells,
    require_cells,
    require_distinct_ids,
)
from marrowscope.differential.differential_result import Differential
from marrowscope.differential.sentences import sentences
from marrowscope.errors import InputError
from marrowscope.exchange.geojson_writer import by_picture, require_target, write_pictures
from marrowscope.io.filling import filling
from marrowscope.models.calibration import read_calibration
from marrowscope.progress import Stage
from marrowscope.report.count.count_data import count_dict, count_frame
from marrowscope.report.count.count_report import (
    require_count_folder,
    write_count_page,
    write_count_report,
)
from marrowscope.report.count.count_summary import count_summary
from marrowscope.report.count.fhir import diagnostic_bundle
from marrowscope.report.pdf_export import require_pdf
from marrowscope.slides.open_slide import open_slide
from marrowscope.slides.slide import CorruptTile
from marrowscope.slides.source_kind import View


@dataclass(frozen=True)
class Detection:
    """Cells that were found, and what was looked at.

    Attributes:
        table: the cells of all sources.
        fields: that were looked at.
        corrupt: source and place of what could not be read.
        geojson: files for QuPath that were written.
        remarks: a line for every source taken for something else than its container suggests, and
            for every conversion on reading and for what was passed over in a folder.
    """

    table: pl.DataFrame
    fields: int
    corrupt: tuple[tuple[str, CorruptTile], ...]
    geojson: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()


def detect(
    sources: AnyPath | Sequence[AnyPath],
    *,
    microns_per_pixel: float | None = None,
    taken_as: str | None = None,
    enough: int | None = None,
    crops: AnyPath | None = None,
    output: AnyPath | None = None,
    geojson: AnyPath | None = None,
    progress: Stage | None = None,
) -> pl.DataFrame:
    """Find the nucleated cells of fields or slides.

    Of a slide, only fields where cells can be judged are looked at.

    Args:
        sources: field images, folders of them, slides.
        microns_per_pixel: pixel size; needed where the file does not say it, as for fields.
        taken_as: "field" or "slide": what a single picture is; None: what its size and content say.
        enough: cells after which a slide is left; None: all.
        crops: new or empty folder for a 250×250 px PNG of every cell; ``path`` then names it. What
            a killed run left in it is written anew.
        output: table to write (.parquet or .csv).
        geojson: the cells for QuPath: a .geojson, or a folder for several fields.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Returns:
        A cell table: where each cell lies, its size, and what kind of object it is.

    Raises:
        InputError: a source cannot be read or has no cell, or its pixel size is not known.
    """
    return detect_in(
        sources,
        microns_per_pixel=microns_per_pixel,
        taken_as=taken_as,
        enough=enough,
        crops=crops,
        output=output,
        geojson=geojson,
        progress=progress,
    ).table


def detect_in(
    sources: AnyPath | Sequence[AnyPath],
    *,
    microns_per_pixel: float | None = None,
    taken_as: str | None = None,
    enough: int | None = None,
    crops: AnyPath | None = None,
    output: AnyPath | None = None,
    geojson: AnyPath | None = None,
    progress: Stage | None = None,
) -> Detection:
    """As ``detect``, with the number of fields and what could not be read.

    Raises:
        InputError: as ``detect``.
    """
    place = None if output is None else Path(output)
    if place is not None:
        require_table_name(place, "output")
    folder = None if crops is None else Path(crops)
    view = View.named(taken_as)
    paths = path_list(sources)
    if not paths:
        raise InputError("sources is an empty list; name field images, folders or slides")
    target = None if geojson is None else Path(geojson)
    slides = [open_slide(path, microns_per_pixel, view) for path in paths]
    if target is not None:
        require_target(target, sum(max(1, len(slide.fields)) for slide in slides))
    require_distinct_ids(slides)
    frames, fields, corrupt, remarks = [], 0, [], []
    pictures: dict[str, pl.DataFrame] = {}
    with nullcontext() if folder is None else filling(folder, CROP_NAME):
        for path, slide in zip(paths, slides, strict=True):
            remarks += [slide.remark] if slide.remark else []
            advance = None if progress is None else progress(f"detecting in {path.name}")
            found = detect_cells(slide, enough, folder, advance)
            require_cells(found, str(path))
            remarks += [f"{path}: {line}" for line in slide.reading_remarks]
            frames.append(found.cells)
            # The pixel size of the picture: crops have the standard one, and do not say it.
            placed = found.cells.with_columns(microns_per_pixel=pl.lit(slide.microns_per_pixel))
            for name, cells in by_picture(placed, str(path)).items():
                pictures[f"{path.name}/{name}" if name in pictures else name] = cells
            fields += found.fields
            corrupt += [(str(path), tile) for tile in found.corrupt]
        table = pl.concat(frames)
        if place is not None:
            write_cells(table, place)
    written = () if target is None else write_pictures(pictures, target)
    return Detection(table, fields, tuple(corrupt), written, tuple(remarks))


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


def count(
    source: AnyPath | Sequence[AnyPath],
    model: Model | AnyPath | None = None,
    *,
    cells: int = 500,
    microns_per_pixel: float | None = None,
    taken_as: str | None = None,
    held_out: AnyPath | None = None,
    min_confidence: float | None = None,
    remarks: Sequence[str] = (),
    seed: int = 0,
    output: AnyPath | None = None,
    pdf: bool = False,
    geojson: bool = False,
    progress: Stage | None = None,
) -> CountResult:
    """Count the cells of one smear: region, fields, cells, classes, differential count.

    Args:
        source: a slide, or field images and folders of them, which together are one smear.
        model: of ``load_model``, or a name or bundle folder; None: the default model.
        cells: countable cells that are enough.
        microns_per_pixel: pixel size; needed where the file does not say it, as for fields.
        taken_as: "field" or "slide": what a single picture is; None: what its size and content say.
        held_out: held-out predictions of the model, to correct the shares by; a calibrated bundle
            carries its own.
        min_confidence: below it a cell is not classified; None: the no-call limit of a calibrated
            bundle.
        remarks: sentences to put into the report.
        seed: of the bootstrap.
        output: folder for the report, looked at before the count and written after it.
        pdf: write a PDF into it too.
        geojson: write the cells for QuPath into it too.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: more than one slide, a source that cannot be read, an unknown pixel size, no
            cell, or a setting out of range.
    """
    paths = path_list(source)
    smears, failures = open_smears(paths, microns_per_pixel, View.named(taken_as))
    if failures:
        raise InputError(failures[0])
    if len(smears) > 1:
        named = ", ".join(os.fspath(path) for path in paths[:3])
        raise InputError(f"{named}: {len(smears)} slides; count them with count_each")
    (result,) = count_each(
        paths,
        model,
        cells=cells,
        microns_per_pixel=microns_per_pixel,
        taken_as=taken_as,
        held_out=held_out,
        min_confidence=min_confidence,
        remarks=remarks,
        seed=seed,
        output=output,
        pdf=pdf,
        geojson=geojson,
        progress=progress,
    )
    if isinstance(result, InputError):
        raise result
    return result


def count_each(
    sources: AnyPath | Sequence[AnyPath],
    model: Model | AnyPath | None = None,
    *,
    cells: int = 500,
    microns_per_pixel: float | None = None,
    taken_as: str | None = None,
    held_out: AnyPath | None = None,
    min_confidence: float | None = None,
    remarks: Sequence[str] = (),
    seed: int = 0,
    output: AnyPath | None = None,
    pdf: bool = False,
    geojson: bool = False,
    progress: Stage | None = None,
) -> Iterator[CountResult | InputError]:
    """Count several slides, one after the other; one of them that fails does not stop the others.

    Args:
        sources: slides; or fields, which together are one smear.
        model: of ``load_model``, or a name or bundle folder; None: the default model.
        cells: countable cells that are enough.
        microns_per_pixel: pixel size; needed where the file does not say it, as for fields.
        taken_as: "field" or "slide": what a single picture is; None: what its size and content say.
        held_out: held-out predictions of the model, to correct the shares by; a calibrated bundle
            carries its own.
        min_confidence: below it a cell is not classified; None: the no-call limit of a calibrated
            bundle.
        remarks: sentences to put into the report.
        seed: of the bootstrap.
        output: folder for the report; of several slides it gets a folder for each.
        pdf: write PDFs too.
        geojson: write the cells for QuPath too.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Returns:
        Counts as they are made; in the place of one that failed, why. Slides that could not be
        opened come last.

    Raises:
        InputError: nothing can be opened, fields and slides are mixed, or a setting is out of
            range: before anything is counted; or the only smear cannot be counted.
    """
    folder = None if output is None else Path(output)
    if folder is not None and folder.exists() and not folder.is_dir():
        raise InputError(f"output {folder}: is a file; name a folder for the report")
    if pdf:
        require_pdf()
    chosen = as_model(model)
    bundle = chosen.bundle
    if not chosen.calibrated and read_calibration(bundle) is not None:
        raise InputError(
            f"{chosen.name}: a count needs its calibration; load it with calibrated=True"
        )
    answers, answers_from = find_held_out(bundle, None if held_out is None else Path(held_out))
    settings = CountSettings(
        cells,
        least_confidence(bundle, min_confidence),
        answers,
        answers_from,
        microns_per_pixel is not None,
        tuple(remarks),
        seed=seed,
    )
    validate_settings(settings)
    paths = path_list(sources)
    smears, failures = open_smears(paths, microns_per_pixel, View.named(taken_as))
    alone = len(paths) == 1

    def counted(smear: SmearSource) -> CountResult | InputError:
        place = folder
        if folder is not None and not (alone or smear.slide.fields):
            place = folder / smear.name
        try:
            if place is not None:
                require_count_folder(place)
            made = count_smear(
                smear, chosen.engine, bundle.card, settings, progress, chosen.engine_remark
            )
            if place is None:
                return CountResult(made)
            return CountResult(made, write_count_report(made, place, pdf=pdf, geojson=geojson))
        except InputError as error:
            if alone or smear.slide.fields:
                raise
            return error

    return chain(map(counted, smears), map(InputError, failures))


def _issued(given: datetime | None) -> datetime:
    return datetime.now(UTC) if given is None else given
