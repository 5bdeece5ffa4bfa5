"""From the class names of an annotation tool to class codes, with a file of synonyms."""

from pathlib import Path
from typing import Any

import polars as pl
import yaml

from marrowscope.dataset.image_discovery import resolve_class
from marrowscope.errors import InputError
from marrowscope.exchange.boxes import read_text

Synonyms = dict[str, str | None]
_COLUMNS = ("name", "code")
_EXAMPLE = "Neutrophil: NGS"


def load_synonyms(path: Path) -> Synonyms:
    """Read which class a name means: YAML lines ``name: CODE``, or CSV with ``name,code``.

    A name without a code (``RBC:``) is of no cell that is wanted, and its boxes are left out. Codes
    may be English names of the classes, or classes of an own scheme.

    Raises:
        InputError: the file cannot be read, or a name is listed twice.
    """
    entries = _from_csv(path) if path.suffix.lower() == ".csv" else _from_yaml(path)
    if not entries:
        raise InputError(f"{path}: names no class; write lines such as '{_EXAMPLE}'")
    found: Synonyms = {}
    for name, code in entries:
        key = _key(name)
        if key in found:
            raise InputError(f"{path}: {name!r} is listed twice")
        found[key] = (resolve_class(code) or code.strip()) if code and code.strip() else None
    return found


def label_of(name: str | None, synonyms: Synonyms) -> tuple[str | None, bool]:
    """The label that a class name stands for, and whether such boxes are wanted at all.

    A synonym comes first, then the code or the English name of one of the 21 classes; any other
    name stays as it is, a class of an own scheme.
    """
    if name is None or not name.strip():
        return None, True
    if _key(name) in synonyms:
        label = synonyms[_key(name)]
        return label, label is not None
    return resolve_class(name) or name.strip(), True


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


def _from_csv(path: Path) -> list[tuple[str, str | None]]:
    try:
        table = pl.read_csv(read_text(path), infer_schema=False)
    except pl.exceptions.NoDataError:
        return []
    except pl.exceptions.PolarsError as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: cannot be read as CSV ({reason})") from None
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise InputError(f"{path}: has no column {missing[0]}; expected {','.join(_COLUMNS)}")
    return [(name or "", code) for name, code in table.select(_COLUMNS).rows()]
