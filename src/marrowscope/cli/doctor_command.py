"""Command doctor: what works on this machine, and what to type for the rest."""

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from marrowscope.cli.app import Bars, emit_json
from marrowscope.cli.options import JSON, Model
from marrowscope.errors import InputError

if TYPE_CHECKING:
    from marrowscope.doctor.health_check import Check

_STYLES = {"ok": "green", "missing": "yellow", "problem": "bold red"}
_LEFT = 28  # signs before the sentence


def doctor(
    model: Model = None,
    seconds: Annotated[
        float,
        typer.Option(min=1, help="Time limit; more where libraries take long to load."),
    ] = 9.2,
    json: bool = JSON,
) -> None:
    """Say what works on this machine, how fast it is, and what to type for what is missing.

    The engines are measured with the model, on random pixels. It takes at most ten seconds if
    not told otherwise. Exit code 1: marrowscope does not work here.

    Example: `marrowscope doctor`
    """
    import marrowscope as ms

    with Bars() as bars:
        found = ms.examine_machine(model, seconds=seconds, progress=bars.stage)
    if json:
        emit_json(found.to_dict())
    else:
        _show(found.checks, found.seconds)
    if found.core_problems:
        first = found.core_problems[0]
        advice = f"; {first.advice}" if first.advice else ""
        raise InputError(f"{first.name}: {first.sentence}{advice}")


def _show(checks: "tuple[Check, ...]", seconds: float) -> None:
    """Print to standard output: this is what the command is asked for, to be kept and sent on."""
    from rich.console import Console

    from marrowscope._about import RESEARCH_USE_ONLY, __version__

    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal without the signs gets "?" for them
    out = Console(highlight=False)
    width = shutil.get_terminal_size().columns if out.is_terminal else 10_000
    out.print(f"marrowscope {__version__}. {RESEARCH_USE_ONLY}", markup=False, soft_wrap=True)
    group = None
    for check in checks:
        if check.group != group:
            group = check.group
            out.print(f"\n{group}", markup=False, style="bold")
        lines = textwrap.wrap(check.sentence, max(30, width - _LEFT - 1), break_on_hyphens=False)
        line = Text.assemble("  ", (f"{check.state:<9}", _STYLES[check.state]), f"{check.name:<17}")
        out.print(line.append(lines[0]), soft_wrap=True)
        for more in lines[1:]:
            out.print(" " * _LEFT + more, markup=False, soft_wrap=True)
        if check.advice:
            # On one line, so that it can be copied.
            out.print(" " * _LEFT + "> " + check.advice, markup=False, soft_wrap=True, style="cyan")
    counts = {name: sum(check.state == name for check in checks) for name in _STYLES}
    said = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    out.print(f"\n{said}; {seconds:.1f} s", markup=False, soft_wrap=True)
