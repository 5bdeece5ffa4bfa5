"""Command demo."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowscope.cli.app import Bars, console, emit_json
from marrowscope.cli.options import JSON, SEED

if TYPE_CHECKING:
    from marrowscope import Demo


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make.")] = Path("demo"),
    data: Annotated[
        Path | None, typer.Option(help="Labelled images of your own instead of synthetic ones.")
    ] = None,
    seed: Annotated[int, typer.Option(help=SEED)] = 0,
    json: bool = JSON,
) -> None:
    """Try the whole way in two minutes: cells, split, short training, report, count of a slide.

    Example: `marrowscope demo -o demo`
    """
    import marrowscope as ms
    from marrowscope.models import DEFAULT_MODEL

    with Bars() as bars:
        found = ms.run_demo(output, data, seed, bars.stage)
    score = found.result.strict["macro_f1"]
    if json:
        emit_json(
            {
                "report": str(found.report),
                "bundle": str(found.bundle or DEFAULT_MODEL),
                "macro_f1": score.value,
                "synthetic": found.result.synthetic,
                "trained": found.bundle is not None,
                "count_report": found.count_report and str(found.count_report),
            }
        )
    for line in _lines(found):
        console.print(line, markup=False, soft_wrap=True)


def _lines(found: "Demo") -> list[str]:
    """What was done, where it lies, and what comes next."""
    from marrowscope.extras import install_line
    from marrowscope.models import DEFAULT_MODEL

    score = found.result.strict["macro_f1"]
    kind = "synthetic cells" if found.result.synthetic else "cells"
    lines = [f"1  {found.cells} {kind} with labels, split by patient or image → {found.table}"]
    if found.bundle is not None:
        lines.append(f"2  a model, after a very short training → {found.bundle}")
    else:
        lines.append(
            f"2  no training without its libraries ({install_line('train')}): {DEFAULT_MODEL}"
        )
    lines.append(
        f"3  {found.result.counts['evaluated']} held-out cells: macro-F1 {score.value:.3f} "
        f"({score.low:.3f}–{score.high:.3f}) → {found.report}"
    )
    if found.count is not None:
        countable = found.count.differential.tally.countable
        lines.append(
            f"4  a synthetic slide: {countable} cells counted in {len(found.count.fields)} of "
            f"{found.count.planned} fields → {found.count_report}"
        )
        lines.append("Open the two reports in a browser. Synthetic: nothing of it is a finding.")
        lines.append("Your own images: marrowscope demo --data FOLDER -o my-demo")
    else:
        model = "" if found.bundle is None else f" --model {found.bundle}"
        lines.append(f"Other images: marrowscope predict FOLDER{model}")
    return lines
