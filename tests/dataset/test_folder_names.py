"""What folders and files around a cell say of it."""

import pytest

from marrowscope.dataset.folder_names import class_of_file_name, meaning_of, patient_rule
from marrowscope.errors import InputError


@pytest.mark.parametrize(
    ("folders", "label", "split", "patient"),
    [
        ("BLA", "BLA", None, None),
        ("train/BLA/0001-1000", "BLA", "train", None),
        ("Lymphoblast/Patient_0", "Lymphoblast", None, "Patient_0"),
        ("Patient_0/Lymphoblast", "Lymphoblast", None, "Patient_0"),
        ("BLA/case 7", "BLA", None, "case 7"),
        ("Patient_0", None, None, "Patient_0"),
        ("Test-A/Neutrophil", "Neutrophil", "test", None),
        ("cat/augmented", "cat", None, None),
        ("augmented", None, None, None),
        ("images/batch1", None, None, None),
        ("cat/kitten", "kitten", None, None),
        ("Lymphoblast/MUC-0012", "Lymphoblast", None, None),
        ("12345", "12345", None, None),
        ("AML/M3", "M3", None, None),
    ],
)
def test_a_class_a_part_a_patient_or_nothing(
    folders: str, label: str | None, split: str | None, patient: str | None
) -> None:
    found = meaning_of(folders.split("/"))
    assert (found.label, found.split, found.patient) == (label, split, patient)


def test_folders_taken_for_no_class_are_told() -> None:
    assert meaning_of(["Lymphoblast", "MUC-0012"]).no_class == ("MUC-0012",)
    assert meaning_of(["BLA", "augmented"]).no_class == ("augmented",)
    assert meaning_of(["BLA", "anything"]).no_class == ()


def test_a_folder_that_is_said_to_be_the_patient_is_no_class() -> None:
    assert meaning_of(["Lymphoblast", "anna"], 1).label == "Lymphoblast"
    assert meaning_of(["anna", "Lymphoblast"], 2).patient == "anna"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("BLA_00001.jpg", "BLA"), ("NGS_00001_rot90.jpg", "NGS"), ("lymphocyte (3).png", "LYT"),
        ("BLA.jpg", None), ("field_3.jpg", None), ("0001.jpg", None), ("a.jpg", None),
        ("monocyte.jpg", None),
    ],
)  # fmt: skip
def test_a_class_before_the_number_of_a_file(name: str, code: str | None) -> None:
    assert class_of_file_name(name) == code


@pytest.mark.parametrize(
    ("rule", "patient"),
    [
        ("folder:-1", "BLA"), ("folder:-2", "P7"), ("folder:-9", None),
        ("name:*_{id}_*", "MUC12"), ("name:{id:3}_*", "BLA"), ("name:x{id}", None),
    ],
)  # fmt: skip
def test_where_the_patient_stands(rule: str, patient: str | None) -> None:
    assert patient_rule(rule).find("/data/P7/BLA/BLA_MUC12_0001.jpg") == patient


@pytest.mark.parametrize(
    "rule", ["", "folder", "folder:1", "folder:-0", "name:", "name:(a+)+$", "name:{id}{id}",
             "name:***{id}", "name:{id"],
)  # fmt: skip
def test_rules_that_are_none_are_refused(rule: str) -> None:
    with pytest.raises(InputError, match="`patient_from`"):
        patient_rule(rule)


def test_a_pattern_ends_on_a_long_name_that_nearly_fits() -> None:
    rule = patient_rule("name:*a{id}a*b")
    assert rule.find("/d/" + "a" * 190 + ".jpg") is None
    assert rule.find("/d/" + "a" * 250 + "b.jpg") is None  # longer than a name of a file is
