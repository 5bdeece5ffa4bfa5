"""A slide or fields of a smear come in, its differential count comes out."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from marrowscope.api.arguments import AnyPath, optional_path
from marrowscope.api.classifier import Model, as_model
from marrowscope.api.count_result import CountResult
from marrowscope.api.smear_input import Source, smear_input
from marrowscope.counting.correction_source import find_held_out, least_confidence
from marrowscope.counting.count_smear import CountSettings, validate_settings
from marrowscope.counting.smear_sources import SmearSource
from marrowscope.dataset.discovery_rules import laboratory_name
from marrowscope.errors import InputError
from marrowscope.fleet.smear_counter import ReportSettings, SmearCounter
from marrowscope.models.calibration import read_calibration
from marrowscope.progress import Stage
from marrowscope.report.count.count_report import require_count_folder
from marrowscope.report.pdf_export import require_pdf
from marrowscope.slides.source_kind import View


def count(
    source: Source | Sequence[Source],
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
    laboratory: str | None = None,
    novelty: bool = True,
    progress: Stage | None = None,
) -> CountResult:
    """Count the cells of one smear: region, fields, cells, classes, differential count.

    Args:
        source: a slide; or fields, which together are one smear: images, folders of them, or
            (H, W, 3) or (N, H, W, 3) uint8 RGB arrays.
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
        laboratory: that made the pictures; a column of the cells.
        novelty: count cells unlike anything that the model knows apart, where its calibration tells
            them.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: more than one slide, a source that cannot be read, an unknown pixel size, no
            cell, or a setting out of range.
    """
    given = smear_input(source, microns_per_pixel, View.named(taken_as), "source")
    if given.failures:
        raise InputError(given.failures[0])
    if len(given.smears) > 1:
        named = ", ".join(smear.sources[0] for smear in given.smears[:3])
        raise InputError(f"{named}: {len(given.smears)} slides; count them with count_each")
    counter = smear_counter(
        model,
        cells,
        microns_per_pixel,
        held_out,
        min_confidence,
        remarks,
        seed,
        output,
        pdf,
        geojson,
        laboratory,
        novelty,
    )
    return _counted(counter, given.smears[0], optional_path(output), progress)


def count_each(
    sources: Source | Sequence[Source],
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
    laboratory: str | None = None,
    novelty: bool = True,
    progress: Stage | None = None,
) -> Iterator[CountResult | InputError]:
    """Count several slides, one after the other; one of them that fails does not stop the others.

    The arguments that are not listed are those of ``count``.

    Args:
        sources: slides; or fields, which together are one smear.
        output: folder for the report; of several slides it gets a folder for each.

    Returns:
        Counts as they are made; in the place of one that failed, why. Slides that could not be
        opened come last.

    Raises:
        InputError: nothing can be opened, fields and slides are mixed, or a setting is out of
            range: before anything is counted; or the only smear cannot be counted.
    """
    counter = smear_counter(
        model,
        cells,
        microns_per_pixel,
        held_out,
        min_confidence,
        remarks,
        seed,
        output,
        pdf,
        geojson,
        laboratory,
        novelty,
    )
    given = smear_input(sources, microns_per_pixel, View.named(taken_as), "sources")
    folder = optional_path(output)

    def counted(smear: SmearSource) -> CountResult | InputError:
        if given.alone:
            return _counted(counter, smear, folder, progress)
        try:
            place = None if folder is None else folder / smear.name
            return _counted(counter, smear, place, progress)
        except InputError as error:
            return error

    return chain(map(counted, given.smears), map(InputError, given.failures))


def smear_counter(
    model: Model | AnyPath | None,
    cells: int,
    microns_per_pixel: float | None,
    held_out: AnyPath | None,
    min_confidence: float | None,
    remarks: Sequence[str],
    seed: int,
    output: AnyPath | None,
    pdf: bool,
    geojson: bool,
    laboratory: str | None,
    novelty: bool,
) -> SmearCounter:
    """Check everything that can be checked before cells are looked for."""
    folder = optional_path(output)
    if folder is not None and folder.exists() and not folder.is_dir():
        raise InputError(f"`output` {folder}: is a file; name a folder for the report")
    if pdf:
        require_pdf()
    chosen = as_model(model)
    bundle = chosen.bundle
    calibration = read_calibration(bundle)
    if not chosen.calibrated and calibration is not None:
        raise InputError(
            f"{chosen.name}: a count needs its calibration; load it with `calibrated=True`"
        )
    answers, answers_from = find_held_out(bundle, optional_path(held_out))
    settings = CountSettings(
        cells,
        least_confidence(bundle, min_confidence),
        answers,
        answers_from,
        microns_per_pixel is not None,
        tuple(remarks),
        seed=seed,
        novelty=None if calibration is None or not novelty else calibration.novelty,
    )
    validate_settings(settings)
    named = None if laboratory is None else laboratory_name(laboratory)
    reports = ReportSettings(pdf, geojson, named)
    return SmearCounter(chosen.engine, chosen.card, chosen.engine_remark, settings, reports)


def _counted(
    counter: SmearCounter, smear: SmearSource, folder: Path | None, progress: Stage | None
) -> CountResult:
    """Count one smear, with a report where there is a folder for it."""
    if folder is not None:
        require_count_folder(folder)
    made = counter.count(smear, progress)
    return CountResult(made, () if folder is None else counter.write(made, folder))
