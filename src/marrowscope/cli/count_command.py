"""Command count."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marrowscope.cli.app import Bars, console, emit_json, print_line, print_remark
from marrowscope.cli.options import (
    JSON,
    Cluster,
    Device,
    Engine,
    FolderOutput,
    Model,
    PerTask,
    PixelSize,
    TakenAs,
)
from marrowscope.extras import install_line, missing_modules

if TYPE_CHECKING:
    from marrowscope import CountResult
    from marrowscope.fleet.fleet_table import SlideRow


def count(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FIELD_OR_SLIDE",
            help="Slides (one report each), folders, patterns or lists of them; or field images "
            "and folders of them (one smear).",
        ),
    ],
    output: FolderOutput,
    model: Model = None,
    engine: Engine = "auto",
    device: Device = "auto",
    cells: Annotated[int, typer.Option(min=1, help="Stop after this many countable cells.")] = 500,
    microns_per_pixel: PixelSize = None,
    taken_as: TakenAs = None,
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
    laboratory: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Laboratory that made the pictures, for the cell table."),
    ] = None,
    novelty: Annotated[
        bool,
        typer.Option(
            "--novelty/--no-novelty",
            help="Count cells unlike anything that the model knows apart, where its calibration "
            "tells them.",
        ),
    ] = True,
    cluster: Cluster = None,
    per_task: PerTask = None,
    json: bool = JSON,
) -> None:
    """Count a smear: find the cells, classify them, report the differential count.

    On a slide, fields are counted where cells can be judged, until there are enough cells.

    Example: `marrowscope count smear.svs -o report`

    Many slides: `marrowscope count archive/ -o reports`; the same again goes on where it was.

    Fields: `marrowscope count fields/ --microns-per-pixel 0.08625 -o report`
    """
    import marrowscope as ms

    if pdf is None:
        pdf = not missing_modules("pdf")
        if not pdf:
            console.print(
                f"no PDF of the report without the extra pdf: {install_line('pdf')}",
                markup=False,
                soft_wrap=True,
                style="dim",
            )
    slides = ms.find_slides(
        sources,
        alone=cluster is not None,
        microns_per_pixel=microns_per_pixel,
        taken_as=taken_as,
    )
    settings: dict[str, Any] = {
        "model": ms.load_model(model, engine=engine, device=device),
        "cells": cells,
        "microns_per_pixel": microns_per_pixel,
        "taken_as": taken_as,
        "held_out": held_out,
        "min_confidence": min_confidence,
        "remarks": remark or (),
        "output": output,
        "pdf": pdf,
        "geojson": geojson,
        "laboratory": laboratory,
        "novelty": novelty,
    }
    with Bars() as bars:
        if slides is None and cluster is None:
            result = ms.count(sources, progress=bars.stage, **settings)
            bars.close()
            _show(result)
            summary: dict[str, Any] = {"smears": [_summary(result)], "failed": []}
        else:

            def finished(row: "SlideRow") -> None:
                bars.close()
                _show_row(row)

            fleet = ms.count_fleet(
                sources if slides is None else slides,
                cluster=cluster,
                per_task=per_task or (),
                progress=bars.stage,
                finished=finished,
                say=print_remark,
                **settings,
            )
            bars.close()
            summary = fleet.to_dict() if json else {"failed": fleet.failed}
            print_line(f"{fleet!r}: {fleet.page}")
    if json:
        emit_json(summary)
    for line in summary["failed"]:
        print_line(f"marrowscope: {line}", "red")
    if summary["failed"]:
        raise typer.Exit(1)


def _show_row(row: "SlideRow") -> None:
    """One line of a slide among many; a reason that it is not done comes at the end."""
    if row.cells is None:
        print_line(f"{row.name}: {row.state}")
        return
    blasts = "blasts not known"
    if row.blasts is not None and row.blasts_low is not None and row.blasts_high is not None:
        low, high = 100 * row.blasts_low, 100 * row.blasts_high
        blasts = f"blasts {100 * row.blasts:.1f} % ({low:.1f} to {high:.1f})"
    remarks = f", {row.remarks} remarks" if row.remarks else ""
    print_line(f"{row.name}: {row.cells} cells, {blasts}{remarks}, {row.seconds:.1f} s")


def _show(result: "CountResult") -> None:
    done = result.smear_count
    for line in (*result.remarks, *result.left_out):
        print_remark(line)
    shares = ", ".join(
        f"{one.code} {one.percent:g} %" for one in done.differential.classes if one.count
    )
    for line in (shares, *result.sentences):
        console.print(line, markup=False, soft_wrap=True)
    console.print(
        f"{done.name}: {len(done.fields)} of {done.planned} fields counted, {done.seconds:.1f} s "
        f"with {done.engine} → {result.files[0].parent}",
        markup=False,
        soft_wrap=True,
    )


def _summary(result: "CountResult") -> dict[str, Any]:
    done = result.smear_count
    return {
        "name": done.name,
        "sources": list(done.sources),
        "report": str(result.files[0].parent),
        "files": [str(path) for path in result.files],
        "model": done.card.name,
        "engine": done.engine,
        "fields": len(done.fields),
        "planned_fields": done.planned,
        "fields_not_counted": [{"name": name, "why": why} for name, why in done.not_counted],
        "located_cells": done.cells.height,
        "unreadable_pieces": len(done.corrupt),
        "remarks": list(done.remarks),
        "seconds": round(done.seconds, 2),
        "differential": result.to_dict()["differential"],
    }
