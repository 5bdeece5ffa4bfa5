"""Commands index, check, split."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from marrowscope.cli.app import Bars, console, emit_json
from marrowscope.cli.options import JSON, SEED, CellTable, TableOutput
from marrowscope.cli.parameter_names import with_options
from marrowscope.errors import InputError

if TYPE_CHECKING:
    from marrowscope.dataset.contents import CheckResult
    from marrowscope.dataset.splitting import Split

SHOWN = 20
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
        typer.Option(help="Pixel size of the fields, of --boxes or of a list with x and y."),
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
    json: bool = JSON,
) -> None:
    """Find images and their labels; hash, measure and check every file.

    A bad file becomes a row with a reason and never stops the run. A second run reads only what
    changed; an interrupted run continues where it stopped. With `--relabel`, the corrections of a
    cytologist replace labels; the first label stays in the column label_before.

    Example: `marrowscope index BM_cytomorphology_data -o cells.parquet`

    Boxes: `marrowscope index --boxes coco.json --crops cells/ --microns-per-pixel 0.1 -o c.parquet`
    """
    import marrowscope as ms

    sources = _box_sources(paths or [], boxes or [], relabel)
    if sources:
        for name, rule in (
            ("--patient-from", patient_from),
            ("--laboratory-from", laboratory_from),
        ):
            if rule is not None:
                raise InputError(f"{name} {rule}: works with folders and lists only")
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
            microns_per_pixel=microns_per_pixel,
            progress=bars.stage,
            say=said.append,
        )
    for line in said:
        console.print(f"! {with_options(line)}", markup=False, soft_wrap=True, style="yellow")
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
                **_summary(result),
            }
        )
    _print_bad(result)
    console.print(
        f"{result.rows} files: {result.usable} usable, {len(result.bad)} unusable, "
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


def check(cells: CellTable, json: bool = JSON) -> None:
    """Count images per class beside the published counts; list bad files and what is missing.

    Example: `marrowscope check cells.parquet`
    """
    import marrowscope as ms

    result = ms.check(cells)
    if json:
        emit_json(_summary(result))
    _print_counts(result)
    _print_bad(result)
    for how, count in result.converted:
        console.print(f"converted on reading: {count} × {how}", markup=False)
    if result.sizes:
        sizes = ", ".join(f"{size} ({count})" for size, count in result.sizes[:5])
        console.print(f"sizes: {sizes}", markup=False)
    for name, count in result.ids.items():
        console.print(f"{name}: {count} different", markup=False)
    for warning in result.warnings:
        console.print(f"! {warning}", markup=False, style="yellow")


def split(
    cells: CellTable,
    output: TableOutput,
    test: Annotated[float | None, typer.Option(help="Share of each class to hold out.")] = None,
    folds: Annotated[int | None, typer.Option("--folds", help="Number of folds.")] = None,
    by_list: Annotated[
        Path | None,
        typer.Option("--list", help="List with a column split and cell_id, path or file."),
    ] = None,
    seed: Annotated[int, typer.Option(help=SEED)] = 0,
    json: bool = JSON,
) -> None:
    """Split by class, keeping patients (or slides) and identical images together.

    Example: `marrowscope split cells.parquet --test 0.2 -o split.parquet`
    """
    import marrowscope as ms

    if sum(option is not None for option in (test, folds, by_list)) != 1:
        raise typer.BadParameter("give exactly one of --test, --folds, --list")
    result = ms.split(cells, test, folds=folds, by_list=by_list, seed=seed, output=output)
    if json:
        emit_json(
            {
                "output": str(output),
                "grouped_by": result.grouped_by,
                "groups": result.groups,
                "counts": result.counts(),
                "warnings": list(result.warnings),
            }
        )
    _print_split(result)
    console.print(f"→ {output}", markup=False)


def _summary(result: "CheckResult") -> dict[str, Any]:
    summary = asdict(result)
    summary["classes"] = {
        entry.code: {"images": entry.images, "published": entry.published, "remark": entry.remark}
        for entry in result.classes
    }
    summary["bad"] = [{"path": path, "reason": reason} for path, reason in result.bad]
    summary["converted"] = dict(result.converted)
    summary["sizes"] = dict(result.sizes)
    if not result.laboratories:
        del summary["laboratories"]
    return summary


def _print_counts(result: "CheckResult") -> None:
    table = Table("class", "name", "images", "published", "remark", box=None, pad_edge=False)
    for entry in result.classes:
        published = "" if entry.published is None else str(entry.published)
        style = "dim" if entry.images == 0 else None
        table.add_row(
            entry.code, entry.name, str(entry.images), published, entry.remark, style=style
        )
    console.print(table)
    if result.laboratories:
        _print_laboratories(result.laboratories)
    console.print(f"{result.rows} rows, {result.usable} usable, {result.unlabelled} without label")


def _print_laboratories(counts: dict[str, dict[str, int]]) -> None:
    """Class × laboratory."""
    names = list(next(iter(counts.values())))
    headings = [escape(name or "not named") for name in names]
    table = Table("class", *headings, box=None, pad_edge=False)
    for code, row in counts.items():
        table.add_row(escape(code), *(str(row[name] or "–") for name in names))
    console.print(table)


def _print_bad(result: "CheckResult") -> None:
    for path, reason in result.bad[:SHOWN]:
        console.print(f"unusable: {path}: {reason}", markup=False, soft_wrap=True, style="yellow")
    if len(result.bad) > SHOWN:
        rest = len(result.bad) - SHOWN
        console.print(f"… and {rest} more; each is a row with an error in the table")


def _print_split(result: "Split") -> None:
    counts = result.counts()
    parts = list(next(iter(counts.values()), {}))
    table = Table("class", *parts, box=None, pad_edge=False)
    for code, row in counts.items():
        table.add_row(code, *(str(row[part]) for part in parts))
    console.print(table)
    together = result.grouped_by or "identical images only"
    if result.groups is not None:
        together += f", {result.groups} groups"
    console.print(f"kept together: {together}", markup=False)
    for warning in result.warnings:
        console.print(f"! {warning}", markup=False, style="yellow")
