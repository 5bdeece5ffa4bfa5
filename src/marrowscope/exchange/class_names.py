"""From the class names of an annotation tool to class codes, with a file of synonyms."""

from pathlib import Path
from typing import Any

import yaml

from marrowscope.class_synonyms import resolve_class
from marrowscope.errors import InputError
from marrowscope.exchange.boxes import read_text
from marrowscope.identifiers import clean_text
from marrowscope.io.list_file import LIST_SUFFIXES, is_missing, parse_list

Synonyms = dict[str, str | None]
_COLUMNS = ("name", "code")
_EXAMPLE = "Neutrophil: NGS"


def load_synonyms(path: Path) -> Synonyms:
    """Read which class a name means: YAML lines ``name: CODE``, or a list with ``name,code``.

    A name without a code (``RBC:``) is of no cell that is wanted, and its boxes are left out. Codes
    may be English names of the classes, or classes of an own scheme.

    Raises:
        InputError: the file cannot be read, or a name is listed twice.
    """
    entries = _from_list(path) if path.suffix.lower() in LIST_SUFFIXES else _from_yaml(path)
    if not entries:
        raise InputError(f"{path}: names no class; write lines such as '{_EXAMPLE}'")
    found: Synonyms = {}
    for name, code in entries:
        key = _key(name)
        if key in found:
            raise InputError(f"{path}: {name!r} is listed twice")
        text = clean_text(code)
        found[key] = None if text is None else resolve_class(text) or text
    return found


def label_of(name: str | None, synonyms: Synonyms) -> tuple[str | None, bool]:
    """The label that a class name stands for, and whether such boxes are wanted at all.

    A synonym comes first, then the code or the English name of one of the 21 classes; any other
    name stays as it is, a class of an own scheme.
    """
    if name is None or is_missing(name):
        return None, True
    if _key(name) in synonyms:
        label = synonyms[_key(name)]
        return label, label is not None
    return resolve_class(name) or clean_text(name), True


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


class _Words(yaml.BaseLoader):
    """Takes every word for text, so that ``no`` and ``0`` are names; refuses one that is twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [str(key.value) for key, _ in node.value]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise yaml.YAMLError(f"{twice[0]!r} is listed twice")
        result: dict[Any, Any] = super().construct_mapping(node, deep)
        return result


def _from_yaml(path: Path) -> list[tuple[str, str | None]]:
    try:
        content = yaml.load(read_text(path).decode("utf-8"), _Words)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: cannot be read as YAML ({reason})") from None
    if not content:
        return []
    if not isinstance(content, dict) or not all(isinstance(code, str) for code in content.values()):
        raise InputError(f"{path}: expected lines such as '{_EXAMPLE}'")
    return [
        (str(name), code if code.lower() not in ("null", "~") else None)
        for name, code in content.items()
    ]


def _from_list(path: Path) -> list[tuple[str, str | None]]:
    data = read_text(path)
    if not data.strip():
        return []
    table = parse_list(data, str(path)).table
    headings = {name.strip().lower(): name for name in table.columns}
    missing = [name for name in _COLUMNS if name not in headings]
    if missing:
        raise InputError(f"{path}: has no column {missing[0]}; expected {','.join(_COLUMNS)}")
    return [
        (name or "", code)
        for name, code in table.select(headings[name] for name in _COLUMNS).rows()
    ]
