"""A group of commands from its entries in the catalog: a command is imported when it is called."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from marrowscope.cli.catalog import COMMANDS, FORMER, SHORT, Entry
from marrowscope.cli.parameter_names import running
from marrowscope.extras import require_extra

MARKUP: Final = "markdown"


class ListedCommand(TyperCommand):
    """Stands for a command where commands are listed: name, panel and one line."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(
            entry.name,
            help=entry.summary,
            rich_help_panel=entry.panel,
            rich_markup_mode=MARKUP,
            hidden=not entry.summary,
        )
        self.entry = entry


class LazyGroup(TyperGroup):
    """A group that knows the names and lines of its commands, and imports the one called."""

    entries: tuple[Entry, ...] = ()
    former: Entry | None = None

    def __init__(self, *, entries: tuple[Entry, ...] | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        for entry in self.entries if entries is None else entries:
            self.add_command(_listed(entry), entry.name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Name, command and its arguments; the command is imported here."""
        name, command, rest = super().resolve_command(ctx, args)
        if isinstance(command, LazyGroup) and command.former and _is_option(rest, ctx):
            command = ListedCommand(command.former)
        if isinstance(command, ListedCommand):
            if command.entry.now and not ctx.resilient_parsing:
                say_renamed(command.entry.name, f"'{command.entry.now}'")
            command = load_command(command.entry)
        return name, command, rest


class RootGroup(LazyGroup):
    """All commands of ``marrowscope``."""

    entries = COMMANDS + SHORT + FORMER


def load_command(entry: Entry) -> Any:
    """Import the function of an entry and make it a command."""
    module, _, name = entry.target.partition(":")
    function = getattr(import_module(f"marrowscope.cli.{module}"), name)
    single = typer.Typer(
        add_completion=False, rich_markup_mode=MARKUP, pretty_exceptions_enable=False
    )
    single.command(entry.name)(function)
    command: Any = typer.main.get_command(single)
    command.callback = _guarded(command.callback, command.params, entry)
    return command


def _guarded(
    function: Callable[..., Any], parameters: list[Any], entry: Entry
) -> Callable[..., Any]:
    """What a command does: refused where its extra is missing; its errors name its options."""

    @wraps(function)
    def guarded(*arguments: Any, **options: Any) -> Any:
        with running(parameters):
            if entry.extra:
                require_extra(entry.extra, f"'marrowscope {entry.name}'")
            return function(*arguments, **options)

    return guarded


def say_renamed(former: str, now: str) -> None:
    """One line on standard error, so that a former way to call a command can go some day."""
    typer.echo(
        f"marrowscope: '{former}' is now {now}; the old form works until the next release",
        err=True,
    )


def _is_option(arguments: list[str], ctx: Any) -> bool:
    """Whether a group is called with options of its own: as the command that it used to be."""
    first = arguments[0] if arguments else ""
    return first.startswith("-") and first not in ctx.help_option_names


def _listed(entry: Entry) -> TyperCommand | LazyGroup:
    if not entry.commands:
        return ListedCommand(entry)
    group = LazyGroup(
        entries=entry.commands,
        name=entry.name,
        help=entry.summary,
        no_args_is_help=True,
        rich_help_panel=entry.panel,
        rich_markup_mode=MARKUP,
    )
    if entry.target:
        names = "', '".join(f"{entry.name} {command.name}" for command in entry.commands)
        group.former = replace(entry, commands=(), now=names)
    return group
