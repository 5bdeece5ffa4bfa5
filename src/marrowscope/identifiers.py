"""Ids of patients, slides and fields as people write them: tidied, and told apart."""

import re
import unicodedata
from collections.abc import Iterable

import polars as pl

from marrowscope.io.list_file import is_missing

_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_BETWEEN = re.compile(r"[\W_]+")


def clean_text(text: str | None) -> str | None:
    """An id or a label without blanks around it, in Unicode NFC; None where it stands for nothing.

    Runs of blanks become one. Case and leading zeros stay: 012 and 12 may be two patients.
    """
    if text is None or is_missing(text):
        return None
    return unicodedata.normalize("NFC", " ".join(text.split()))


def clean_column(values: pl.Series) -> pl.Series:
    """``clean_text`` of every value of a column of text."""
    known = {text: clean_text(text) for text in values.unique().to_list()}
    return pl.Series(values.name, [known[text] for text in values.to_list()], dtype=pl.String)


def look_alikes(ids: Iterable[str | None]) -> list[tuple[str, ...]]:
    """Ids that differ only in blanks, signs between, case or leading zeros, together and sorted."""
    groups: dict[str, set[str]] = {}
    for name in ids:
        if name is not None:
            key = _ZEROS.sub("", _BETWEEN.sub("", unicodedata.normalize("NFKC", name).casefold()))
            groups.setdefault(key, set()).add(name)
    return sorted(tuple(sorted(names)) for names in groups.values() if len(names) > 1)
