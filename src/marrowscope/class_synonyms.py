"""Which of the 21 classes a name means: English, German and Latin, in whatever spelling.

The names stand in ``class_names.yaml``. A name that covers several classes, or a part of one, is
never guessed: ``resolve_class`` gives None and ``nearest_classes`` says what lies near.
"""

import difflib
import re
import unicodedata
from functools import cache
from pathlib import Path

import yaml

from marrowscope.morphology import BY_CODE, CLASSES

_NAMES = Path(__file__).with_name("class_names.yaml")
_CAMEL = re.compile(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ][a-zäöü])")
_WORD = re.compile(r"[a-z]+")
# Endings of number, case and gender in the three languages, and the silent e of English.
_ENDING = re.compile(r"(?<=[a-z]{4})(?:us|um|ae|en|er|es|em|e|i|n|s|r|a)$")
_BRACKET = re.compile(r"^(.*\S)\s*[\(\[]\s*([^()\[\]]+?)\s*[\)\]]\s*$")
_SIDES = re.compile(r"^([A-Za-z]{3})\s*[-–_:=. ]\s*(\S.*)$")
_SIDES_BACK = re.compile(r"^(.*\S)\s*[-–_:=. ]\s*([A-Za-z]{3})$")
_NUMBERED = re.compile(r"^\s*\d{1,3}\s*[-–_.):]\s*")
_LONGEST = 100  # characters; no name of a class is longer
_ALIKE = 0.8


def resolve_class(name: str) -> str | None:
    """Code for the name of a folder or in a list; None when it is not one of the 21 classes.

    Codes and names in any case, word order and number; "Blast (BLA)", "BLA - blast" and
    "1. Blast" as well.
    """
    if len(name) > _LONGEST:
        return None
    name = _NUMBERED.sub("", name).strip()
    return _single(name) or _of_two(name)


def nearest_classes(name: str) -> tuple[str, ...]:
    """Codes of the classes nearest to a name that is none of the 21, nearest first; may be empty.

    From the table of names outside of the scheme; else a class whose words are all in the name;
    else one that is spelled alike.
    """
    if len(name) > _LONGEST:
        return ()
    key = _key(name)
    known = _outside().get(key) or _outside().get(_joined(name))
    if known:
        return known
    words = set(key)
    inside = {code: len(names) for names, code in _by_words().items() if set(names) < words}
    if inside:
        most = max(inside.values())
        return tuple(code for code in BY_CODE if inside.get(code) == most)
    outside = [
        codes
        for names, codes in _outside().items()
        if isinstance(names, tuple) and names and set(names) < words
    ]
    if outside:
        return outside[0]
    alike = difflib.get_close_matches("".join(key), _by_letters(), n=1, cutoff=_ALIKE)
    return (_by_letters()[alike[0]],) if alike else ()


def nearest_in_words(name: str) -> str:
    """``nearest LYT (lymphocyte)`` for a sentence about a name; "" where nothing lies near."""
    codes = nearest_classes(name)
    if not codes:
        return ""
    return "nearest " + ", ".join(f"{code} ({BY_CODE[code].name})" for code in codes[:3])


def _single(name: str) -> str | None:
    code = name.upper()
    if code in BY_CODE:
        return code
    key = _key(name)
    if not key or key in _outside():
        return None
    joined = _joined(name)
    if joined in _outside():
        return None
    return _by_words().get(key) or _by_letters().get(joined)


def _of_two(name: str) -> str | None:
    """A name with its code beside it, when both mean the same."""
    for pattern in (_BRACKET, _SIDES, _SIDES_BACK):
        match = pattern.match(name)
        if match is not None:
            one, two = (_single(part.strip()) for part in match.groups())
            if one is not None and one == two:
                return one
    return None


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = yaml.safe_load(_NAMES.read_text(encoding="utf-8"))
    return content


@cache
def _all_names() -> tuple[tuple[str, str], ...]:
    """(name, code) of everything that means a class."""
    more = _table()["names"]
    return tuple(
        (name, cell.code) for cell in CLASSES for name in (cell.name, *more.get(cell.code, ()))
    )


@cache
def _by_words() -> dict[tuple[str, ...], str]:
    return {_key(name): code for name, code in _all_names()}


@cache
def _by_letters() -> dict[str, str]:
    return {_joined(name): code for name, code in _all_names()}


@cache
def _outside() -> dict[tuple[str, ...] | str, tuple[str, ...]]:
    found: dict[tuple[str, ...] | str, tuple[str, ...]] = {}
    for name, codes in _table()["outside"].items():
        found[_key(name)] = found[_joined(name)] = tuple(codes)
    return found


def _key(name: str) -> tuple[str, ...]:
    return tuple(sorted(_stem(word) for word in _words(name)))


def _joined(name: str) -> str:
    """All words in one, in their order: "pro-erythroblast" is "proerythroblast"."""
    return _stem("".join(_words(name)))


def _words(name: str) -> list[str]:
    text = _CAMEL.sub(" ", unicodedata.normalize("NFC", name))
    text = text.replace("ß", "ss").replace("'", "").replace("’", "")
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    # c for what German spells with k or z: Lymphozyt, Zelle.
    return _WORD.findall(text.replace("z", "c").replace("k", "c"))


def _stem(word: str) -> str:
    shorter = _ENDING.sub("", word)
    return word if shorter == word else _stem(shorter)
