"""A YAML file or a list → the names of classes in it and the codes beside them."""

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from marrowscope.errors import InputError
from marrowscope.io.list_file import LIST_SUFFIXES, parse_list
from marrowscope.io.regular_file import read_regular

_COLUMNS = ("name", "code")
_EXAMPLE = "Neutrophil: NGS"
_LARGEST = 10_000_000  # bytes


class NamedClass(NamedTuple):
    """A line of such a file; ``code`` is None or blank where the name stands alone."""

    name: str
    code: str | None


def read_class_names(path: Path) -> list[NamedClass]:
    """Read YAML lines ``name: CODE``, or a list with the columns ``name`` and ``code``.

    Raises:
        InputError: the file cannot be read, names nothing, or names something twice.
    """
    entries = _from_list(path) if path.suffix.lower() in LIST_SUFFIXES else _from_yaml(path)
    if not entries:
        raise InputError(f"{path}: names no class; write lines such as '{_EXAMPLE}'")
    seen = set()
    for entry in entries:
        key = name_key(entry.name)
        if key in seen:
            raise InputError(f"{path}: {entry.name!r} is listed twice; keep one line")
        seen.add(key)
    return entries


def name_key(name: str) -> str:
    """By what two spellings of a name are the same: blanks and case do not matter."""
    return " ".join(name.split()).casefold()


class NamesAsText(yaml.BaseLoader):
    """YAML in which every word is a name, and none is listed twice.

    YAML itself makes true of ``yes``, which then is the same as ``1``, and 7 of ``007``; of two
    equal names it keeps the last.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The lines of the file; a name that is listed twice is an error of YAML."""
        names = [str(key.value) for key, _ in node.value]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise yaml.YAMLError(f"{twice[0]!r} is listed twice; keep one line")
        result: dict[Any, Any] = super().construct_mapping(node, deep)
        return result


def _from_yaml(path: Path) -> list[NamedClass]:
    try:
        content = yaml.load(read_regular(path, _LARGEST).decode("utf-8-sig"), NamesAsText)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: cannot be read as YAML ({reason})") from None
    if not content:
        return []
    if not isinstance(content, dict) or not all(isinstance(code, str) for code in content.values()):
        raise InputError(f"{path}: expected lines such as '{_EXAMPLE}'")
    return [
        NamedClass(str(name), code if code.lower() not in ("null", "~") else None)
        for name, code in content.items()
    ]


def _from_list(path: Path) -> list[NamedClass]:
    data = read_regular(path, _LARGEST)
    if not data.strip():
        return []
    table = parse_list(data, str(path)).table
    headings = {name.strip().lower(): name for name in table.columns}
    missing = [name for name in _COLUMNS if name not in headings]
    if missing:
        raise InputError(f"{path}: has no column {missing[0]}; expected {','.join(_COLUMNS)}")
    return [
        NamedClass(name or "", code)
        for name, code in table.select(headings[name] for name in _COLUMNS).rows()
    ]
