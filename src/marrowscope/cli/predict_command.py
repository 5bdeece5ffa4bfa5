"""Command predict."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import console, emit_json, progress
from marrowscope.cli.model_argument import model_and_rest
from marrowscope.cli.options import JSON, Device, Engine, Model, PixelSize, TableOutput
from marrowscope.errors import InputError

SHOWN = 20


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
    import polars as pl

    from marrowscope.cells import require_table_name, write_cells
    from marrowscope.inference.batch_prediction import predict_table
    from marrowscope.inference.calibrated_engine import NO_CALL, with_decisions
    from marrowscope.inference.engine_choice import choose_engine
    from marrowscope.inference.image_sources import expand
    from marrowscope.inference.resume_cache import SUFFIX, Parts, identity
    from marrowscope.models.architectures import FEATURES
    from marrowscope.models.bundle import load_bundle
    from marrowscope.models.calibration import read_calibration

    require_table_name(output)
    chosen, sources = model_and_rest("predict", model, sources)
    loaded = load_bundle(chosen)
    table = expand(sources)
    _say_what_is_unknown(loaded.card.name, loaded.card.known, loaded.outputs.classes)
    computing, remark = choose_engine(loaded, engine, device, calibrated)
    if remark:
        console.print(f"! {remark}", markup=False, soft_wrap=True, style="yellow")
    kept = Parts(
        output.with_name(output.name + SUFFIX), identity(loaded, computing.name, calibrated)
    )
    begun = kept.begun
    if begun:
        console.print(
            f"continuing an earlier run: its answers in {kept.folder} are used where they fit",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    with progress("predicting") as advance:
        result = predict_table(computing, table, microns_per_pixel, batch_size, advance, kept)
    bad = result.filter(pl.col("predicted").is_null())
    for path, error in bad.select("path", "error").rows()[:SHOWN]:
        console.print(f"unreadable: {path}: {error}", markup=False, soft_wrap=True, style="yellow")
    if bad.height == result.height:
        kept.clear()
        raise InputError(f"none of {result.height} images could be read; nothing was written")
    calibration = read_calibration(loaded) if calibrated else None
    no_calls = None
    if calibration is not None:
        result = with_decisions(result, calibration)
        no_calls = int(result[NO_CALL].sum())
    write_cells(result, output, loaded.card.architecture)
    kept.clear()
    counts = dict(result["predicted"].drop_nulls().value_counts().rows())
    counts = {code: counts[code] for code in loaded.outputs.classes if code in counts}
    features = loaded.card.architecture == FEATURES
    imputed = getattr(loaded.model, "imputed", None) if features else None
    if json:
        emit_json({"output": str(output), "rows": result.height, "unread": bad.height,
                   "predicted": counts, "model": loaded.card.name, "engine": computing.name,
                   "no_calls": no_calls, "imputed": imputed})  # fmt: skip
    if imputed:
        console.print(
            f"! {imputed} feature values are undefined in their image; the training median is used "
            "instead" + (" (counted in this run only)" if begun else ""),
            markup=False, soft_wrap=True, style="yellow",
        )  # fmt: skip
    summary = ", ".join(f"{code} {count}" for code, count in counts.items())
    console.print(
        f"{result.height} image{'s' * (result.height != 1)}, {bad.height} unreadable: {summary}"
        + (f"; {no_calls} too uncertain to be called" if no_calls else "")
        + f" → {output}",
        markup=False,
        soft_wrap=True,
    )


def _say_what_is_unknown(name: str, known: tuple[str, ...], classes: tuple[str, ...]) -> None:
    if len(known) < len(classes):
        console.print(
            f"! {name} knows {len(known)} of {len(classes)} classes ({' '.join(known)}); a cell of "
            "any other class gets one of these names all the same",
            markup=False,
            style="yellow",
            soft_wrap=True,
        )
