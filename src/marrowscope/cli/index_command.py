"""Command index."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json, print_remark
from marrowscope.cli.check_summary import print_bad, summary_of
from marrowscope.cli.options import JSON, TableOutput, beginning
from marrowscope.errors import InputError

BEFORE = "label_before"  # labels that a list of corrections replaced


def index(
    output: TableOutput,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Folders, images, lists (CSV, .xlsx), or GeoJSON."),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(help="Folder to which paths in a list, or images of --boxes, are relative."),
    ] = None,
    stains: Annotated[
        bool,
        typer.Option("--stain", help="Also estimate stain vectors, so that no training has to."),
    ] = False,
    relabel: Annotated[
        list[Path] | None,
        typer.Option(help="Corrected list made by 'noise'; repeat for later lists."),
    ] = None,
    boxes: Annotated[
        list[Path] | None,
        typer.Option(help="Annotated fields: COCO .json, YOLO folder, VOC .xml folder, GeoJSON."),
    ] = None,
    crops: Annotated[
        Path | None,
        typer.Option(help="With --boxes: new folder for crops of 250×250 px, sorted by class."),
    ] = None,
    synonyms: Annotated[
        Path | None,
        typer.Option(help="With --boxes: YAML or list that maps names in the file to class codes."),
    ] = None,
    microns_per_pixel: Annotated[
        float | None,
        typer.Option(help="Pixel size in µm of images or fields that do not state it."),
    ] = None,
    patient_from: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="Where paths have the patient: folder:-1 (innermost), folder:-2, 'name:*_{id}_*'.",
        ),
    ] = None,
    laboratory: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Laboratory that made the images, unless they say it."),
    ] = None,
    laboratory_from: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="Where paths have the laboratory, as --patient-from."),
    ] = None,
    labels_from: Annotated[
        str | None,
        typer.Option(
            metavar="folder|name-prefix|csv",
            help="Where labels stand; a name's prefix ends at '_'. Default: list, else folder.",
            autocompletion=lambda incomplete: beginning("folder name-prefix csv", incomplete),
        ),
    ] = None,
    mapping: Annotated[
        list[Path] | None,
        typer.Option(
            help="What they call a class → our code: YAML, CSV, or pbc. Others are left out."
        ),
    ] = None,
    json: bool = JSON,
) -> None:
    """Find images and their labels; hash, measure and check every file.

    A bad file becomes a row with a reason and never stops the run. A second run reads only what
    changed; an interrupted run continues where it stopped. With `--relabel`, the corrections of a
    cytologist replace labels; the first label stays in the column label_before.

    Example: `marrowscope index BM_cytomorphology_data -o cells.parquet`

    Other names: `marrowscope index pbc/ --labels-from name-prefix --mapping pbc -o pbc.parquet`

    Boxes: `marrowscope index --boxes coco.json --crops cells/ --microns-per-pixel 0.1 -o c.parquet`
    """
    import marrowscope as ms

    sources = _box_sources(paths or [], boxes or [], relabel)
    if sources:
        for name, rule in (
            ("--patient-from", patient_from),
            ("--laboratory-from", laboratory_from),
            ("--labels-from", labels_from),
        ):
            if rule is not None:
                raise InputError(f"{name} {rule}: works with folders and lists only")
        if mapping:
            raise InputError(f"--mapping {mapping[0]}: of names in boxes give it as --synonyms")
        from marrowscope.cli.index_boxes import print_boxes

        with Bars() as bars:
            made = ms.index_boxes(
                sources,
                output,
                root=root,
                synonyms=synonyms,
                microns_per_pixel=microns_per_pixel,
                crops=crops,
                stains=stains,
                laboratory=laboratory,
                progress=bars.stage,
            )
        print_boxes(made, output, crops is not None, json)
        return
    _refuse_without_boxes(crops, synonyms)
    if not paths:
        raise typer.BadParameter("name folders, images or lists, or give --boxes")
    said: list[str] = []
    with Bars() as bars:
        table = ms.index(
            paths,
            output,
            root=root,
            stains=stains,
            relabel=relabel or (),
            patient_from=patient_from,
            laboratory=laboratory,
            laboratory_from=laboratory_from,
            labels_from=labels_from,
            mapping=mapping or (),
            microns_per_pixel=microns_per_pixel,
            progress=bars.stage,
            say=said.append,
        )
    for line in said:
        print_remark(line)
    result = ms.check(table)
    estimated = table["stain"].count() if "stain" in table.columns else 0
    relabelled = table[BEFORE].count() if BEFORE in table.columns else 0
    if json:
        emit_json(
            {
                "output": str(output),
                "stains": estimated,
                "relabelled": relabelled,
                "notes": said,
                **summary_of(result),
            }
        )
    print_bad(result)
    console.print(
        f"{result.rows} files: {result.usable} usable, {len(result.bad)} unusable, "
        f"{f'{sum(result.left_out.values())} left out, ' if result.left_out else ''}"
        f"{result.unlabelled} without label"
        f"{f', {estimated} with stain vectors' if estimated else ''}"
        f"{f', {relabelled} relabelled' if relabelled else ''} "
        f"→ {output}",
        markup=False,
    )
    if not result.usable:
        raise InputError(f"none of {result.rows} files can be used; {output} says why of each")


def _box_sources(paths: list[Path], boxes: list[Path], relabel: list[Path] | None) -> list[Path]:
    """Files and folders of boxes: those of --boxes, and GeoJSON among the paths."""
    geojson = [path for path in paths if path.name.lower().endswith((".geojson", ".geojson.gz"))]
    sources = [*boxes, *geojson]
    if sources and len(geojson) < len(paths):
        other = next(path for path in paths if path not in geojson)
        raise InputError(f"{other}: images and boxes make two tables; index them one by one")
    if sources and relabel:
        raise InputError(f"--relabel {relabel[0]}: works with folders and lists, not with boxes")
    return sources


def _refuse_without_boxes(crops: Path | None, synonyms: Path | None) -> None:
    for name, value in (("--crops", crops), ("--synonyms", synonyms)):
        if value is not None:
            raise InputError(f"{name}: works only with --boxes")
