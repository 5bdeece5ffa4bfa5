"""Command model calibrate."""

from pathlib import Path
from typing import Annotated, Any

import typer

from marrowscope.cli.app import console, emit_json, print_remark, printable
from marrowscope.cli.options import JSON, BundleOutput


def calibrate(
    model: Annotated[str, typer.Argument(metavar="BUNDLE", help="Shipped model or bundle folder.")],
    held_out: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS",
            help="Its predictions of labelled cells that it was not trained on.",
        ),
    ],
    output: BundleOutput,
    coverage: Annotated[
        float, typer.Option(help="Share of each class that its prediction sets should cover.")
    ] = 0.9,
    risk: Annotated[
        float, typer.Option(help="Share of errors to accept among called cells.")
    ] = 0.1,
    kept: Annotated[
        float,
        typer.Option(help="Share of cells of known classes that should not be called novel."),
    ] = 0.99,
    source: Annotated[
        str | None, typer.Option(help="What the cells are, for the card; default: the file name.")
    ] = None,
    laboratory: Annotated[
        str | None,
        typer.Option(help="Fit to the cells of this laboratory alone (column laboratory)."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Reliability diagram to write (.png).")
    ] = None,
    json: bool = JSON,
) -> None:
    """Add a calibration to a model; `predict` and `count` use it from then on.

    It makes probabilities honest (temperature), adds sets of classes that contain the true one, and
    the confidence below which no class should be called, and the score above which a cell is unlike
    anything that the model knows. `count` also corrects its shares by what the model answered for
    these cells. Where the cells are of several laboratories, what that is worth in each is measured
    too.

    Example: `marrowscope model calibrate run/bundle run/predictions.parquet -o run/calibrated`
    """
    import marrowscope as ms

    result = ms.calibrate_model(
        model,
        held_out,
        output,
        coverage=coverage,
        risk=risk,
        kept=kept,
        source=source,
        laboratory=laboratory,
        figure=figure,
    )
    made = result.calibration
    for line in result.warnings:
        print_remark(line)
    if json:
        emit_json(result.to_dict())
    measured = made.measured
    before, after = measured["ece_before"], measured["ece_after"]
    no_call = (
        f"no limit of confidence keeps errors below {risk:.0%}: there are no no-calls"
        if made.no_call is None
        else f"cells below confidence {made.no_call:.3f} are not called; of cells not used for "
        f"fitting, {measured['called']:.0%} are called, "
        f"{measured['error_when_called'] or 0:.1%} of these wrongly "
        f"({measured['error_of_all']:.1%} of all)"
    )
    for line in (
        f"temperature {made.temperature:.2f} from {made.cells} cells; calibration error "
        f"{before[0]:.3f} ({before[1]:.3f}–{before[2]:.3f}) → {after[0]:.3f} "
        f"({after[1]:.3f}–{after[2]:.3f}) on cells not used for fitting",
        f"sets of {measured['set_size']:.2f} classes on average",
        no_call,
        *(
            ()
            if made.novelty is None
            else (
                f"cells with a novelty above {made.novelty.limit:.2f} are unlike anything that the "
                f"model knows; {made.novelty.kept:.1%} of cells of known classes are kept",
            )
        ),
        *_laboratory_lines(measured.get("laboratories", {})),
        f"→ {output}",
    ):
        console.print(line, markup=False, soft_wrap=True)


def _laboratory_lines(measures: dict[str, Any]) -> list[str]:
    return [
        f"laboratory {printable(name)}, {one['cells']} cells: calibration error "
        f"{one['ece_before'][0]:.3f} → {one['ece_after'][0]:.3f} ({one['ece_after'][1]:.3f}–"
        f"{one['ece_after'][2]:.3f}), log-loss {one['log_loss_before']:.3f} → "
        f"{one['log_loss_after']:.3f} (with a temperature of its own {one['log_loss_own']:.3f})"
        for name, one in measures.items()
    ]
