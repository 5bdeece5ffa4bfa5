"""Where labels stand, and what they mean."""

from collections import Counter

import pytest

from marrowscope.dataset.label_mapping import LabelMapping
from marrowscope.dataset.label_source import LabelNotes, LabelSource, class_of, name_prefix
from marrowscope.errors import InputError

MAPPING = LabelMapping("m.yaml", ("BA", "IG"), {"ba": "BAS", "ig": None})


@pytest.mark.parametrize(
    ("path", "prefix"),
    [("/d/BA_1.jpg", "BA"), ("/d/BNE_2_x.jpg", "BNE"), ("/d/BA1.jpg", None), ("/d/_1.jpg", None),
     ("/d_e/x.jpg", None)],
)  # fmt: skip
def test_the_prefix_of_a_name_ends_at_its_first_underscore(path: str, prefix: str | None) -> None:
    assert name_prefix(path) == prefix


@pytest.mark.parametrize(
    ("folders", "named"),
    [
        (["BA"], "BA"), (["ba", "0001-1000"], "ba"), (["BA", "Patient_3"], "BA"),
        (["train", "basophil", "images"], "basophil"), (["BA", "sorted", "today"], "BA"),
        (["train"], None), ([], None),
    ],
)  # fmt: skip
def test_the_folder_is_the_innermost_that_the_mapping_knows_else_the_innermost_that_may_be_a_class(
    folders: list[str], named: str | None
) -> None:
    assert LabelSource("folder", MAPPING).given_name("/d/x_1.jpg", folders) == named


def test_without_a_place_a_list_says_it_and_else_the_folder() -> None:
    source = LabelSource(None, MAPPING)
    assert source.given_name("/d/x_1.jpg", ["BA"], "IG", in_list=True) == "IG"
    assert source.given_name("/d/x_1.jpg", ["BA"]) == "BA"
    assert LabelSource("name-prefix").given_name("/d/x_1.jpg", ["BA"], "IG", in_list=True) == "x"
    assert LabelSource("csv").given_name("/d/x_1.jpg", ["BA"]) is None


def test_a_place_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="`labels_from` name: give folder, name-prefix, csv"):
        LabelSource("name")


def test_what_is_not_mapped_is_left_out_and_counted() -> None:
    notes, source = LabelNotes(), LabelSource("name-prefix", MAPPING)
    found = [class_of(name, source, notes) for name in ("BA", "PLATELET", "IG", "IG", None)]
    assert found == [
        ("BAS", None), (None, "left out by the mapping: PLATELET"),
        (None, "left out by the mapping: IG"), (None, "left out by the mapping: IG"), (None, None),
    ]  # fmt: skip
    assert notes.sentences(source) == (
        "labels by the mapping m.yaml: BA is BAS (1)",
        "left out, because the mapping m.yaml has no class for them: IG (2), PLATELET (1)",
        "1 images have no label by name-prefix",
    )


def test_without_a_mapping_names_mean_what_they_mean_everywhere() -> None:
    source, notes = LabelSource("name-prefix"), LabelNotes()
    assert class_of("lymphocyte", source, notes) == ("LYT", None)
    assert class_of("BA", source, notes) == ("BA", None)


def test_a_mapping_that_fits_nothing_is_refused_with_what_is_there() -> None:
    notes = LabelNotes(left_out=Counter({"basophil": 3, "platelet": 1}))
    with pytest.raises(InputError) as caught:
        notes.require_some(MAPPING)
    assert str(caught.value) == (
        "`mapping` m.yaml: maps none of the names that are here (basophil (3), platelet (1)); it "
        "has BA, IG; does `labels_from` say where they stand?"
    )
