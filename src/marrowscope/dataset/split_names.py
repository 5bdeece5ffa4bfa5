"""Which part of a split a word means: ``train``, ``test`` or ``val``."""

import re

from marrowscope.errors import InputError

_TRAIN = ("train", "training", "trainings", "learn", "learning", "lern")
_TEST = ("test", "testing", "tests", "holdout", "heldout", "evaluation", "eval")
_VAL = ("val", "valid", "validation", "validierung", "validierungs", "dev", "development", "tuning")
_PART = {
    word: part
    for part, words in (("train", _TRAIN), ("test", _TEST), ("val", _VAL))
    for word in words
}
# What stands around such a word without another meaning: "training_set", "Testdaten", "TestA".
_AROUND = r"(?:sets?|data|daten|datensatz|split|part|images?|img|cells?|samples?|folder|menge)?"
_WORD = re.compile(
    r"(?P<part>"
    + "|".join(sorted(_PART, key=len, reverse=True))
    + r")"
    + _AROUND
    + r"(?:[a-z]|\d{1,4})?"
)
_LONGEST = 40


def split_name(text: str) -> str | None:
    """The part that a value of a column or the name of a folder stands for; None for no part.

    Case, blanks, signs, and words such as set or data do not matter; a single letter or a number
    at the end (TestA, test_2) does not either.
    """
    if len(text) > _LONGEST:
        return None
    match = _WORD.fullmatch(re.sub(r"[\W_]+", "", text.casefold()))
    return None if match is None else _PART[match["part"]]


def require_split_name(text: str, place: str) -> str:
    """As ``split_name``.

    Raises:
        InputError: it is none; begins with ``place``.
    """
    part = split_name(text)
    if part is None:
        raise InputError(
            f"{place}: split {text.strip()!r} is not understood; write train, test or val "
            "(numbered folds go into a column fold)"
        )
    return part
