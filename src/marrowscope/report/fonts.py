"""Texts in any script → font families that can draw them, and what remains drawable.

A browser finds its fonts itself; matplotlib draws a box for a letter that its font lacks. So fonts
that have the letters are looked for among the installed ones, and a letter that no font has is
written as its Unicode number, such as U+7D30.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font

BASE = "DejaVu Sans"  # comes with matplotlib
# These draw something for every letter, but no letters; or only formulas.
_NO_LETTERS = ("Last Resort", ".Last", "STIX", "cm", "DejaVu Math")


def font_families(texts: Iterable[str]) -> list[str]:
    """Font families in which these texts can be written, the usual one first."""
    missing = {sign for text in texts for sign in text} - _letters(BASE)
    chosen = [BASE]
    # A font costs milliseconds to look into, and there may be hundreds: only when one is needed.
    for name in _others() if missing else ():
        if not missing:
            break
        found = missing & _letters(name)
        if found:
            chosen.append(name)
            missing -= found
    return chosen


def drawable_text(text: str, fonts: list[str]) -> str:
    """The text with letters that none of these fonts has taken apart or given by number."""
    have = frozenset().union(*(_letters(name) for name in fonts))
    if set(text) <= have:
        return text
    parts = []
    for sign in text:
        plain = "".join(c for c in unicodedata.normalize("NFKD", sign) if c in have)
        parts.append(sign if sign in have else plain or f" U+{ord(sign):04X} ")
    return " ".join("".join(parts).split())


def _others() -> list[str]:
    """Installed families, those with many scripts first."""
    names = {entry.name for entry in fontManager.ttflist} - {BASE}
    usable = [name for name in names if not name.startswith(_NO_LETTERS)]
    return sorted(usable, key=lambda name: ("CJK" not in name, "Sans" not in name, name))


def _letters(family: str) -> frozenset[str]:
    return _letters_of(findfont(FontProperties(family=[family])))


@lru_cache(maxsize=64)
def _letters_of(path: str) -> frozenset[str]:
    try:
        return frozenset(map(chr, FT2Font(path).get_charmap()))
    except (OSError, RuntimeError):  # a damaged or unknown font file
        return frozenset()
