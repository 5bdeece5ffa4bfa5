"""What 'index' does with annotated boxes: files of annotation tools in, a cell table out."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marrowscope.cli.app import console, emit_json, progress
from marrowscope.errors import InputError

if TYPE_CHECKING:
    from marrowscope.exchange.box_cells import BoxCells

SHOWN = 20


def index_boxes(
    sources: list[Path], output: Path, root: Path | None, synonyms: Path | None,
    microns_per_pixel: float | None, crops: Path | None, stain: bool, json: bool,
) -> None:  # fmt: skip
    """Write the cell table of boxes, with --crops also the cells as images; tell what was found.

    Raises:
        InputError: nothing could be read, or an option does not fit.
    """
    from marrowscope.cells import write_cells
    from marrowscope.dataset.contents import check as check_table
    from marrowscope.exchange.box_cells import cells_from_boxes
    from marrowscope.exchange.box_crops import require_empty, write_box_crops
    from marrowscope.exchange.box_formats import read_boxes
    from marrowscope.exchange.boxes import joined
    from marrowscope.exchange.class_names import load_synonyms
    from marrowscope.slides.slide import resolve_pixel_size

    if microns_per_pixel is not None:
        resolve_pixel_size("--microns-per-pixel", microns_per_pixel, None)
    if crops is not None:
        require_empty(crops)
    elif stain:
        raise InputError("--stain: boxes have stain vectors only when they are cut out (--crops)")
    names = load_synonyms(synonyms) if synonyms is not None else {}
    found = joined([read_boxes(path, root) for path in sources])
    with progress("reading pictures") as advance:
        cells = cells_from_boxes(found, names, microns_per_pixel, advance)
    table = cells.table
    if not table.height:
        raise InputError(f"{sources[0]}: all {cells.left_out} boxes are left out by {synonyms}")
    if crops is not None:
        with progress("cutting out cells") as advance:
            table = write_box_crops(table, crops, advance, stain=stain)
    write_cells(table, output)
    bad = table.filter(table["error"].is_not_null()).select("path", "error").rows()
    if json:
        emit_json(_summary(cells, output, found.format, bad, asdict(check_table(table))))
    for note in cells.notes:
        console.print(f"! {note}", markup=False, soft_wrap=True, style="yellow")
    for path, reason in bad[:SHOWN]:
        console.print(f"unusable: {path}: {reason}", markup=False, soft_wrap=True, style="yellow")
    if len(bad) > SHOWN:
        console.print(f"… and {len(bad) - SHOWN} more; every one is a row with an error")
    labels = table.filter(table["error"].is_null())["label"].value_counts().sort("label").rows()
    console.print(
        ", ".join(f"{label or 'without label'} {count}" for label, count in labels),
        markup=False, soft_wrap=True,
    )  # fmt: skip
    more = (
        "" if crops is not None else "; cut them out with --crops, or let predict and train do it"
    )
    console.print(
        f"{table.height} boxes ({found.format}) in {cells.pictures} pictures, {len(bad)} unusable"
        f"{more} → {output}",
        markup=False,
        soft_wrap=True,
    )


def _summary(
    cells: "BoxCells", output: Path, form: str, bad: list[tuple[str, str]], checked: dict[str, Any]
) -> dict[str, Any]:
    return {
        "output": str(output),
        "format": form,
        "pictures": cells.pictures,
        "rows": checked["rows"],
        "usable": checked["usable"],
        "unlabelled": checked["unlabelled"],
        "left_out": cells.left_out,
        "names": {name: {"boxes": count, "label": label}
                  for name, (count, label) in cells.names.items()},
        "bad": [{"path": path, "reason": reason} for path, reason in bad],
        "notes": list(cells.notes),
    }  # fmt: skip
