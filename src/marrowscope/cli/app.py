"""The application: exit codes, one-line errors, ``--json``, progress."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import typer
from rich.console import Console

from marrowscope._about import RESEARCH_USE_ONLY, __version__
from marrowscope.cli.lazy_group import MARKUP, RootGroup
from marrowscope.cli.parameter_names import with_options
from marrowscope.errors import InputError
from marrowscope.extras import extra_of, install_line
from marrowscope.io.json_data import finite, json_text
from marrowscope.progress import Advance

app = typer.Typer(
    cls=RootGroup,
    name="marrowscope",
    help=f"Bone-marrow cytomorphology, from images to counts. {RESEARCH_USE_ONLY}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=MARKUP,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Everything for people goes to standard error, so that --json owns standard output.


class _PlainConsole(Console):
    """Prints text in one line, so that names that users gave do not control the terminal."""

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich's, but what does not print is shown as a dot."""
        cleaned = (printable(one) if isinstance(one, str) else one for one in objects)
        super().print(*cleaned, **options)


console = _PlainConsole(stderr=True, highlight=False)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"marrowscope {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Options before the command."""


def emit_json(summary: Mapping[str, Any]) -> None:
    """Print one JSON object on standard output; NaN and infinity become null."""
    typer.echo(json_text(finite(summary)), nl=False)


def print_remark(line: str) -> None:
    """What a user should know beside the result: one yellow line."""
    print_line(f"! {line}", "yellow")


def print_line(line: str, style: str | None = None) -> None:
    """One line for people, with the options of the command in the place of arguments."""
    console.print(printable(with_options(line)), markup=False, soft_wrap=True, style=style)


def printable(text: str) -> str:
    """Names that users gave do not control the terminal."""
    return "".join(sign if sign.isprintable() else "·" for sign in text)


@contextmanager
def progress(description: str, total: int | None = None) -> Iterator[Any]:
    """Show a bar while the block runs; yields ``advance(n=1)``."""
    # Here, because --help has no use for it.
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        # A bar that nobody sees would leave an empty line in a log.
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(description, total=total)

        def advance(count: int = 1, total: int | None = None) -> None:
            if total is not None:
                bar.update(task, total=total)
            bar.advance(task, count)

        yield advance


class Bars:
    """One progress bar at a time: the bar of a stage appears with its first report."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._shown = ""
        self._advance: Advance = lambda count=1, total=None: None

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar away; a stage of the same name begins with a new one."""
        self._open.close()
        self._shown = ""

    def stage(self, description: str) -> Advance:
        """The ``advance`` of one stage."""

        def advance(count: int = 1, total: int | None = None) -> None:
            if self._shown != description:
                self._open.close()
                self._advance = self._open.enter_context(progress(description, total))
                self._shown = description
            self._advance(count, total=total)

        return advance


def _tidy_up_when_terminated() -> None:
    """End on SIGTERM, or when the terminal is closed, as on an error: half-written outputs go."""

    def stop(number: int, _: object) -> None:
        sys.exit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        # Whoever ignores one, as nohup does, means it.
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, stop)
            if hasattr(os, "register_at_fork"):  # workers hold no outputs, and must end at once
                os.register_at_fork(after_in_child=partial(signal.signal, number, signal.SIG_DFL))


def main() -> None:
    """Entry point: 0 done, 1 the input was wrong, 2 wrong usage; no traceback for bad input."""
    _tidy_up_when_terminated()
    try:
        app(standalone_mode=True)
    except InputError as error:
        console.print(f"marrowscope: {error}", markup=False, soft_wrap=True, style="red")
        sys.exit(1)
    except ModuleNotFoundError as error:
        # A part of a command that needs an extra of which its other parts know nothing.
        extra = extra_of(error.name)
        if extra is None:
            raise
        console.print(
            f"marrowscope: {error.name} is not installed: {install_line(extra)}",
            markup=False,
            soft_wrap=True,
            style="red",
        )
        sys.exit(1)
    except RuntimeError as error:
        # By its text: torch is not imported for commands that do without it.
        if "out of memory" not in str(error):
            raise
        reason = " ".join(str(error).split()).partition(". ")[0][:160]
        console.print(
            f"marrowscope: {reason}; use a smaller batch, free the GPU, or take --device cpu",
            markup=False,
            soft_wrap=True,
            style="red",
        )
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("marrowscope: stopped", style="red")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
