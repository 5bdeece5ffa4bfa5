"""Sentences about what names were taken for."""

from collections import Counter

from marrowscope.dataset.discovery_notes import DiscoveryNotes


def test_nothing_taken_is_nothing_said() -> None:
    assert DiscoveryNotes().sentences() == ()


def test_patients_of_folders_and_those_of_a_rule() -> None:
    found = Counter({"P1": 3, "P2": 1})
    assert DiscoveryNotes(patients=found).sentences() == (
        "patient_id is taken from the names of folders: 2 patients (P1, P2)",
    )
    assert DiscoveryNotes(
        patients=found, patient_rule="folder:-1", without_patient=2
    ).sentences() == (
        "patient_id is taken from `patient_from` folder:-1: 2 patients (P1, P2)",
        "2 images have no patient by folder:-1",
    )


def test_more_than_five_names_are_counted() -> None:
    (line,) = DiscoveryNotes(no_class=Counter({f"batch{n}": n for n in range(1, 8)})).sentences()
    assert "batch5 (5) and 2 more; name them otherwise" in line
