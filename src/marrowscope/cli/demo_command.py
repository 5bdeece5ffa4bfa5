"""Command demo."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json
from marrowscope.cli.options import JSON, SEED


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make.")] = Path("demo"),
    data: Annotated[
        Path | None, typer.Option(help="Labelled images of your own instead of synthetic ones.")
    ] = None,
    seed: Annotated[int, typer.Option(help=SEED)] = 0,
    json: bool = JSON,
) -> None:
    """Try the whole way in a few minutes: images, split, short training, report.

    Example: `marrowscope demo -o demo`
    """
    from marrowscope.demo import run_demo

    with Bars() as bars:
        result = run_demo(output, data, seed, bars.stage)
    score = result.result.strict["macro_f1"]
    kind = "synthetic" if result.result.synthetic else "held-out"
    if json:
        emit_json({"report": str(result.report), "bundle": str(result.bundle),
                   "macro_f1": score.value, "synthetic": result.result.synthetic})  # fmt: skip
    console.print(
        f"{result.result.counts['evaluated']} {kind} cells: macro-F1 {score.value:.3f} "
        f"({score.low:.3f}–{score.high:.3f}) after a very short training",
        markup=False,
    )
    console.print(f"→ {result.report}", markup=False, soft_wrap=True)
