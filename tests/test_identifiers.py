"""Ids as people write them."""

import unicodedata

import pytest

from marrowscope.identifiers import clean_text, look_alikes


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("P0 ", "P0"), ("  P  0", "P 0"), ("0012", "0012"), ("p0", "p0"), ("NA", None),
        ("n/a", None), ("-", None), ("nan", None), (None, None), ("P-1", "P-1"),
        (unicodedata.normalize("NFD", "Müller"), "Müller"), ("\u00a0P1\u2003", "P1"),
    ],
)  # fmt: skip
def test_blanks_and_unicode_are_tidied_case_and_zeros_stay(
    text: str | None, tidied: str | None
) -> None:
    assert clean_text(text) == tidied


def test_ids_that_differ_only_in_blanks_signs_case_or_zeros_are_found() -> None:
    ids = ["P1", "P01", "p 1", "P10", "P100", "A-1", "A1", None, "Q"]
    assert look_alikes(ids) == [("A-1", "A1"), ("P01", "P1", "p 1")]
