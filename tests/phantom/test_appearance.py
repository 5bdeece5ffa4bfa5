"""The looks of the classes, read from the file of appearances."""

import pytest

from marrowscope.morphology import CODES
from marrowscope.phantom.appearance import Variant, _build, appearances


def test_every_class_has_a_look_and_no_other() -> None:
    assert set(appearances()) == set(CODES)


def test_classes_without_a_type_show_many_looks() -> None:
    for code, least in (("OTH", 9), ("ART", 8), ("NIF", 8)):
        assert len(appearances()[code]) >= least


def test_a_misspelt_key_in_the_appearance_names_its_place() -> None:
    with pytest.raises(ValueError, match=r"here\.nucleus: unknown aspekt"):
        _build(Variant, {"nucleus": {"aspekt": 1}}, "here")
