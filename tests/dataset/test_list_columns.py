"""Headings of lists, English and German."""

import pytest

from marrowscope.dataset.list_columns import recognise
from marrowscope.errors import InputError


@pytest.mark.parametrize(
    ("column", "headings"),
    [
        ("path", ["path", "Image Path", "image", "File", "filename", "File name", "Bild", "Datei",
                  "Dateiname", "image_file"]),
        ("label", ["label", "Class", "cell_type", "Cell Type", "Klasse", "Zelltyp", "Diagnosis"]),
        ("patient_id", ["Patient ID", "PatientID", "patient", "patient-id", "case_id", "Subject ID",
                        "Patienten-Nr.", "Fall"]),
        ("laboratory", ["Laboratory", "lab", "Labor", "Lab ID", "center", "Hospital", "Klinik"]),
        ("slide_id", ["slide", "Slide ID", "slideId", "Präparat", "Objektträger", "WSI"]),
        ("split", ["split", "Split", "subset", "Set"]),
        ("x", ["x", "X (px)", "nucleus_x", "center_x", "cx"]),
        ("microns_per_pixel", ["mpp", "microns_per_pixel", "µm/px", "Pixel size (µm)"]),
    ],
)  # fmt: skip
def test_headings_that_people_use(column: str, headings: list[str]) -> None:
    for heading in headings:
        assert recognise([heading], "l.csv").taken == {column: heading}, heading


def test_what_was_taken_as_what_and_what_is_only_carried_along_is_said() -> None:
    found = recognise(["Bild", "Klasse", "Alter", "Centroid X µm"], "l.csv")
    assert found.sentence("l.csv") == (
        "l.csv: path from 'Bild', label from 'Klasse'; only carried along: Alter, Centroid X µm"
    )
    assert recognise(["path", "label"], "l.csv").sentence("l.csv") is None


def test_the_plainer_of_two_headings_is_taken_and_said() -> None:
    found = recognise(["path", "Label", "Diagnosis"], "l.csv")
    assert found.taken["label"] == "Label"
    assert found.carried == ("Diagnosis",)
    assert found.notes == ("l.csv: label is taken from 'Label', not from 'Diagnosis'",)


def test_one_heading_in_two_spellings_is_refused() -> None:
    with pytest.raises(InputError, match="'Patient ID' and 'patient-id' could both be the patient"):
        recognise(["path", "Patient ID", "patient-id"], "l.csv")


def test_corners_are_counted_from_0_or_from_1() -> None:
    one = recognise(["path", "x1", "y1", "x2", "y2"], "l.csv").taken
    assert (one["x0"], one["y1"]) == ("x1", "y2")
    two = recognise(["path", "x0", "y0", "x1", "y1"], "l.csv").taken
    assert (two["x0"], two["y1"]) == ("x0", "y1")
    sizes = recognise(["filename", "width", "height", "xmin", "ymin", "xmax", "ymax"], "l.csv")
    assert sizes.carried == ("width", "height")
