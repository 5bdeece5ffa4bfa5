"""A YAML file or a list → which classes of a model each external class is compatible with.

YAML, ``promyelocyte: [PMO, FGC]`` in each line, or a list (CSV, Excel workbook) with the columns
``external`` and ``compatible``, codes separated by ``;``.
"""

import re
from pathlib import Path

import yaml

from marrowscope.class_synonyms import resolve_class
from marrowscope.dataset.class_name_file import NamesAsText
from marrowscope.errors import InputError
from marrowscope.identifiers import clean_text
from marrowscope.io.list_file import LIST_SUFFIXES, read_list
from marrowscope.io.regular_file import read_regular

ClassMapping = dict[str, tuple[str, ...]]
_COLUMNS = ("external", "compatible")
_EXAMPLE = "promyelocyte: [PMO]"
_LARGEST = 10_000_000  # bytes


def load_mapping(path: Path) -> ClassMapping:
    """Read a mapping; the order of the file is the order of tables and figures.

    Raises:
        InputError: the file cannot be read, is empty, or an entry names no class or one twice.
    """
    entries = _from_list(path) if path.suffix.lower() in LIST_SUFFIXES else _from_yaml(path)
    if not entries:
        raise InputError(f"{path}: maps no class; write lines such as '{_EXAMPLE}'")
    mapping: ClassMapping = {}
    for name, codes in entries:
        if not codes or not all(codes):
            raise InputError(
                f"{path}: {name!r} is compatible with no class; name at least one, or leave its "
                "cells out of the table"
            )
        if name in mapping:
            raise InputError(f"{path}: {name!r} is listed twice")
        mapping[name] = tuple(dict.fromkeys(codes))
    return mapping


def apply_mapping(
    labels: list[str], mapping: ClassMapping, known: tuple[str, ...], source: str
) -> dict[str, str]:
    """For every label of a table the entry of the mapping that it belongs to.

    A label fits an entry of the same name in any case, or one that means the same of the 21
    classes: lists that are predicted have their English names turned into codes.

    Args:
        labels: the external classes of the cells.
        mapping: see ``load_mapping``.
        known: classes that the model can answer.
        source: the mapping file, named in errors.

    Raises:
        InputError: a label is not in the mapping, or the mapping names a class that the model
            does not have.
    """
    foreign = sorted({code for codes in mapping.values() for code in codes} - set(known))
    if foreign:
        raise InputError(
            f"{source}: {foreign[0]!r} is not a class of these predictions; choose from "
            f"{' '.join(known)}"
        )
    exact = {name.strip().casefold(): name for name in mapping}
    meaning: dict[str, list[str]] = {}
    for name in mapping:
        code = resolve_class(name)
        if code is not None:
            meaning.setdefault(code, []).append(name)
    found, missing = {}, []
    for label in dict.fromkeys(labels):
        same = meaning.get(resolve_class(label) or "", [])
        if label.strip().casefold() in exact:
            found[label] = exact[label.strip().casefold()]
        elif len(same) == 1:
            found[label] = same[0]
        else:
            missing.append(label)
    if missing:
        raise InputError(
            f"{source}: does not map {', '.join(repr(name) for name in sorted(missing)[:5])}; "
            f"add a line for each external class, such as '{_EXAMPLE}'"
        )
    return found


def _from_yaml(path: Path) -> list[tuple[str, list[str]]]:
    try:
        content = yaml.load(read_regular(path, _LARGEST).decode("utf-8-sig"), NamesAsText)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: cannot be read as YAML ({reason})") from None
    if not content:
        return []
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected lines such as '{_EXAMPLE}'")
    entries = []
    for name, codes in content.items():
        given = [codes] if isinstance(codes, str) else codes
        if not isinstance(given, list) or not all(isinstance(code, str) for code in given):
            raise InputError(f"{path}: {name!r} must name a list of class codes, not {codes!r}")
        entries.append((name, [code.strip() for code in given]))
    return entries


def _from_list(path: Path) -> list[tuple[str, list[str]]]:
    table = read_list(path).table
    if not table.width:
        return []
    headings = {name.strip().lower(): name for name in table.columns}
    missing = [name for name in _COLUMNS if name not in headings]
    if missing:
        raise InputError(f"{path}: has no column {missing[0]}; expected {', '.join(_COLUMNS)}")
    return [
        (
            clean_text(name) or "",
            [code.strip() for code in re.split("[;,|]", codes or "") if code.strip()],
        )
        for name, codes in table.select(headings[name] for name in _COLUMNS).rows()
    ]
