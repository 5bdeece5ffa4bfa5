"""Command count."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marrowscope.cli.app import Bars, console, emit_json
from marrowscope.cli.options import JSON, Device, Engine, FolderOutput, Model, PixelSize
from marrowscope.errors import InputError
from marrowscope.extras import install_line, missing_modules

if TYPE_CHECKING:
    from marrowscope.counting.smear_count import SmearCount


def count(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="FIELD_OR_SLIDE",
            help="Slides (one report each), or field images and folders of them (one smear).",
        ),
    ],
    output: FolderOutput,
    model: Model = None,
    engine: Engine = "auto",
    device: Device = "auto",
    cells: Annotated[int, typer.Option(min=1, help="Stop after this many countable cells.")] = 500,
    microns_per_pixel: PixelSize = None,
    held_out: Annotated[
        Path | None,
        typer.Option(
            help="Held-out predictions of the model, to correct the shares by; a calibrated model "
            "brings its own."
        ),
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            help="Cells below this confidence (0 to 1) are not classified; default: the no-call "
            "limit of a calibrated model."
        ),
    ] = None,
    remark: Annotated[
        list[str] | None, typer.Option(help="A sentence to add to the report; may be repeated.")
    ] = None,
    pdf: Annotated[
        bool | None,
        typer.Option(
            "--pdf/--no-pdf", help="Write a PDF as well; default: where the extra pdf is installed."
        ),
    ] = None,
    geojson: Annotated[
        bool, typer.Option("--geojson", help="Write the cells for QuPath into the report as well.")
    ] = False,
    json: bool = JSON,
) -> None:
    """Count a smear: find the cells, classify them, report the differential count.

    On a slide, fields are counted where cells can be judged, until there are enough cells.

    Example: `marrowscope count smear.svs -o report`

    Fields: `marrowscope count fields/ --microns-per-pixel 0.08625 -o report`
    """
    from marrowscope.counting.correction_source import find_held_out, least_confidence
    from marrowscope.counting.count_smear import CountSettings, count_smear, validate_settings
    from marrowscope.counting.smear_sources import open_smears
    from marrowscope.inference.engine_choice import choose_engine
    from marrowscope.models import DEFAULT_MODEL
    from marrowscope.models.bundle import load_bundle
    from marrowscope.report.count.count_report import require_count_folder, write_count_report
    from marrowscope.report.pdf_export import require_pdf

    # What would end a long count at its end is looked at first.
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: is a file; name a folder for the report")
    if pdf is None:
        pdf = not missing_modules("pdf")
        if not pdf:
            console.print(f"no PDF of the report without the extra pdf: {install_line('pdf')}",
                          markup=False, soft_wrap=True, style="dim")  # fmt: skip
    if pdf:
        require_pdf()
    bundle = load_bundle(model or DEFAULT_MODEL)
    answers, answers_from = find_held_out(bundle, held_out)
    least = least_confidence(bundle, min_confidence)
    settings = CountSettings(
        cells, least, answers, answers_from, microns_per_pixel is not None, tuple(remark or ())
    )
    validate_settings(settings)
    smears, failures = open_smears(sources, microns_per_pixel)
    computing, said = choose_engine(bundle, engine, device)
    summaries: list[dict[str, Any]] = []
    failed = list(failures)
    for smear in smears:
        folder = output if len(sources) == 1 or smear.slide.fields else output / smear.name
        try:
            require_count_folder(folder)
            with Bars() as bars:
                done = count_smear(smear, computing, bundle.card, settings, bars.stage, said)
            written = write_count_report(done, folder, pdf=pdf, geojson=geojson)
        except InputError as error:
            # One slide of many: the others are counted all the same.
            if len(sources) == 1 or smear.slide.fields:
                raise
            failed.append(str(error))
            continue
        _show(done, folder)
        summaries.append(_summary(done, folder, written))
    if json:
        emit_json({"smears": summaries, "failed": failed})
    for line in failed:
        console.print(f"marrowscope: {line}", markup=False, soft_wrap=True, style="red")
    if failed:
        raise typer.Exit(1)


def _show(done: "SmearCount", folder: Path) -> None:
    from marrowscope.differential.sentences import sentences
    from marrowscope.report.count.dicom_annotations import annotations_missing

    missing = annotations_missing(done)
    for line in (*done.remarks, *((missing,) if missing else ())):
        console.print(f"! {line}", markup=False, soft_wrap=True, style="yellow")
    shares = ", ".join(
        f"{one.code} {one.percent:g} %" for one in done.differential.classes if one.count
    )
    for line in (shares, *sentences(done.differential)):
        console.print(line, markup=False, soft_wrap=True)
    console.print(
        f"{done.name}: {len(done.fields)} of {done.planned} fields counted, {done.seconds:.1f} s "
        f"with {done.engine} → {folder}",
        markup=False,
        soft_wrap=True,
    )


def _summary(done: "SmearCount", folder: Path, written: tuple[Path, ...]) -> dict[str, Any]:
    from marrowscope.differential.export import to_dict

    return {
        "name": done.name,
        "sources": list(done.sources),
        "report": str(folder),
        "files": [str(path) for path in written],
        "model": done.card.name,
        "engine": done.engine,
        "fields": len(done.fields),
        "planned_fields": done.planned,
        "fields_not_counted": [{"name": name, "why": why} for name, why in done.not_counted],
        "located_cells": done.cells.height,
        "unreadable_pieces": len(done.corrupt),
        "remarks": list(done.remarks),
        "seconds": round(done.seconds, 2),
        "differential": to_dict(done.differential),
    }
