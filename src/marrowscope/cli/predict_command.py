"""Command predict."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json, print_line, print_remark
from marrowscope.cli.model_argument import model_and_rest
from marrowscope.cli.options import JSON, Device, Engine, Model, PixelSize, TableOutput


def predict(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE",
            help="Images, folders, patterns, cell tables; - reads a list from standard input.",
        ),
    ],
    model: Model = None,
    output: TableOutput = Path("predictions.csv"),
    microns_per_pixel: PixelSize = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Images per batch; default: what suits the engine."),
    ] = None,
    engine: Engine = "auto",
    device: Device = "auto",
    calibrated: Annotated[
        bool,
        typer.Option("--calibrated/--uncalibrated", help="Use the calibration of the model."),
    ] = True,
    json: bool = JSON,
) -> None:
    """Classify cell images: one row per image, in the same order.

    An image that cannot be read becomes a row with an error. A calibrated model also gives sets of
    classes and marks cells that are too uncertain to be named. An interrupted run of many images
    continues where it stopped.

    Example: `marrowscope predict my_cells/ -o predictions.csv`

    With your own model: `marrowscope predict my_cells/ --model run/bundle -o predictions.csv`
    """
    import marrowscope as ms
    from marrowscope.cells import note_counts, require_table_name

    require_table_name(output)  # before a model is loaded
    chosen, sources = model_and_rest("predict", model, sources)
    loaded = ms.load_model(chosen, engine=engine, device=device, calibrated=calibrated)
    for line in loaded.remarks:
        print_remark(line)
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line.removeprefix("! "))
        print_line(line, "yellow")

    with Bars() as bars:
        result = loaded.predict(
            sources,
            microns_per_pixel,
            batch_size=batch_size,
            output=output,
            progress=bars.stage,
            say=say,
        )
    unread = result["predicted"].null_count()
    no_calls = int(result["no_call"].sum()) if loaded.calibration is not None else None
    novel = int(result["novel"].sum()) if "novel" in result.columns else None
    counts = dict(result["predicted"].drop_nulls().value_counts().rows())
    counts = {code: counts[code] for code in loaded.classes if code in counts}
    if json:
        emit_json(
            {
                "output": str(output),
                "rows": result.height,
                "unread": unread,
                "predicted": counts,
                "model": loaded.name,
                "engine": loaded.engine.name,
                "no_calls": no_calls,
                "novel": novel,
                "imputed": loaded.imputed,
                "notes": dict(note_counts(result["note"])),
                "remarks": said,
            }
        )
    summary = ", ".join(f"{code} {count}" for code, count in counts.items())
    console.print(
        f"{result.height} image{'s' if result.height != 1 else ''}, {unread} unreadable: {summary}"
        + (f"; {no_calls} too uncertain to be called" if no_calls else "")
        + (f"; {novel} unlike anything that the model knows" if novel else "")
        + f" → {output}",
        markup=False,
        soft_wrap=True,
    )
