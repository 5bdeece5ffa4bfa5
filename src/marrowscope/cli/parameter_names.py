"""A message that names an argument of a function → the same with the option of a command."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from typer.core import TyperArgument

from marrowscope.errors import InputError

# `name`, or `name=value` where a message says what to give.
_ARGUMENT = re.compile(r"`(\w+)(?:=([^`]+))?`")
_running: dict[str, Any] = {}


@contextmanager
def running(parameters: list[Any]) -> Iterator[None]:
    """While a command runs: errors name its options, and ``with_options`` knows them."""
    _running.clear()
    _running.update({one.name: one for one in parameters})
    try:
        yield
    except InputError as error:
        said = with_options(str(error))
        if said == str(error):
            raise
        raise InputError(said) from error
    finally:
        _running.clear()


def with_options(text: str) -> str:
    """Put options of the command that runs in the place of arguments in backticks.

    Its parameters have the names of the arguments that they become; one of a command that takes
    several, as ``models``, stands for ``model`` too. What is none of them is said without
    backticks, which mean nothing on a command line. While no command runs the text stays.
    """

    def named(found: re.Match[str]) -> str:
        name, value = found.groups()
        parameter = _running.get(name) or _running.get(f"{name}s")
        if parameter is None:
            return name if value is None else f"{name}={value}"
        return _as_typed(parameter, value)

    return _ARGUMENT.sub(named, text) if _running else text


def _as_typed(parameter: Any, value: str | None) -> str:
    """``--option``, ``--option value``, ``--no-option``, or ``ARGUMENT``."""
    if isinstance(parameter, TyperArgument):
        return str(parameter.metavar or parameter.name.upper())
    option: str = max(parameter.opts, key=len)
    if value == "False" and parameter.secondary_opts:
        return str(max(parameter.secondary_opts, key=len))
    return option if value in (None, "True") else f"{option} {value}"
