"""What folders and files around a cell say of it."""

import pytest

from marrowscope.dataset.folder_names import class_of_file_name, meaning_of


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


def test_the_folder_of_a_laboratory_is_no_class_and_no_patient() -> None:
    found = meaning_of(["Munich", "LYT", "anna"], 1, 3)
    assert (found.label, found.patient) == ("LYT", "anna")
    assert meaning_of(["Lymphoblast", "Munich"], None, 1).label == "Lymphoblast"
    assert meaning_of(["Munich"], None, 2).label == "Munich"  # the rule means a folder outside


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
