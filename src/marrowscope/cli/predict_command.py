"""Command predict."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import console, emit_json, progress
from marrowscope.cli.options import JSON
from marrowscope.errors import InputError

SHOWN = 20


def predict(
    bundle: Annotated[str, typer.Argument(help="Shipped model or bundle folder.")],
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...", help="Images, folders, globs, cell tables; - for a list on stdin."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Predictions (.parquet or .csv).")
    ] = Path("predictions.csv"),
    microns_per_pixel: Annotated[
        float | None,
        typer.Option(help="Pixel size of the images; the networks see 0.08625 µm per pixel."),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Images per batch; default: what suits the engine."),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    engine: Annotated[
        str, typer.Option(help="auto, openvino, int8 (after 'model quantize') or torch.")
    ] = "auto",
    calibrated: Annotated[
        bool, typer.Option("--calibrated/--uncalibrated", help="Use the bundle's calibration.")
    ] = True,
    json: bool = JSON,
) -> None:
    """Classify cell images; one row out per image in, in the same order.

    An image that cannot be read becomes a row with an error. A calibrated bundle also gives sets of
    classes and says where none should be called. A killed run of many images goes on where it was.

    Example: `marrowscope predict sequential-mll7 my_cells/ -o predictions.csv`
    """
    import polars as pl

    from marrowscope.cells import require_table_name, write_cells
    from marrowscope.inference.batch_prediction import predict_table
    from marrowscope.inference.calibrated_engine import NO_CALL, with_decisions
    from marrowscope.inference.engine_choice import choose_engine
    from marrowscope.inference.image_sources import expand
    from marrowscope.inference.resume_cache import SUFFIX, Parts, identity
    from marrowscope.models.bundle import load_bundle
    from marrowscope.models.calibration import read_calibration

    require_table_name(output)
    loaded = load_bundle(bundle)
    table = expand(sources)
    _say_what_is_unknown(loaded.card.known, loaded.outputs.classes)
    computing, remark = choose_engine(loaded, engine, device, calibrated)
    if remark:
        console.print(f"! {remark}", markup=False, soft_wrap=True, style="yellow")
    kept = Parts(
        output.with_name(output.name + SUFFIX), identity(loaded, computing.name, calibrated)
    )
    begun = kept.begun
    if begun:
        console.print(
            f"answers that an earlier run left in {kept.folder} are taken where they fit",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    with progress("predicting") as advance:
        result = predict_table(computing, table, microns_per_pixel, batch_size, advance, kept)
    bad = result.filter(pl.col("predicted").is_null())
    for path, error in bad.select("path", "error").rows()[:SHOWN]:
        console.print(f"unread: {path}: {error}", markup=False, soft_wrap=True, style="yellow")
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
    imputed = getattr(loaded.model, "imputed", None)  # of the feature-based baseline
    if json:
        emit_json({"output": str(output), "rows": result.height, "unread": bad.height,
                   "predicted": counts, "model": loaded.card.name, "engine": computing.name,
                   "no_calls": no_calls, "imputed": imputed})  # fmt: skip
    if imputed:
        console.print(
            f"! {imputed} feature values have no meaning in their image; the training median "
            "stands for them" + (" (in images looked at in this run)" if begun else ""),
            markup=False, soft_wrap=True, style="yellow",
        )  # fmt: skip
    summary = ", ".join(f"{code} {count}" for code, count in counts.items())
    console.print(
        f"{result.height} images, {bad.height} unread: {summary}"
        + (f"; {no_calls} too unsure to be called" if no_calls else "")
        + f" → {output}",
        markup=False,
        soft_wrap=True,
    )


def _say_what_is_unknown(known: tuple[str, ...], classes: tuple[str, ...]) -> None:
    if len(known) < len(classes):
        console.print(
            f"! This model knows {len(known)} of {len(classes)} classes ({' '.join(known)}); "
            "cells of any other class get one of these names all the same.",
            markup=False,
            style="yellow",
            soft_wrap=True,
        )
