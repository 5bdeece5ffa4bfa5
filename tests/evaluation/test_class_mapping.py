"""Mapping files between another laboratory's classes and ours."""

from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.evaluation.class_mapping import ClassMapping, apply_mapping, load_mapping
from marrowscope.morphology import CODES


def test_a_label_that_became_a_code_on_reading_finds_its_entry() -> None:
    # A list of 'Promyelocytes' comes back from predict as PMO.
    mapping: ClassMapping = {"promyelocytes": ("PMO",), "weird cell": ("ART",)}
    found = apply_mapping(["PMO", "Weird Cell"], mapping, CODES, "map.yaml")
    assert found == {"PMO": "promyelocytes", "Weird Cell": "weird cell"}


def test_a_mapping_is_read_from_yaml_and_csv(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("myeloblast: [BLA, PMO]\nneutrophil: NGS\n")
    (tmp_path / "a.csv").write_text("external,compatible\nmyeloblast,BLA; PMO\nneutrophil,NGS\n")
    wanted = {"myeloblast": ("BLA", "PMO"), "neutrophil": ("NGS",)}
    assert load_mapping(tmp_path / "a.yaml") == load_mapping(tmp_path / "a.csv") == wanted


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yaml", "", "maps no class"),
        ("a.yaml", "{}", "maps no class"),
        ("a.csv", "", "maps no class"),
        ("a.csv", "external,compatible\n", "maps no class"),
        ("a.csv", "external,other\na,b\n", "no column compatible"),
        ("a.csv", "external,compatible\nblast,\n", "'blast' is compatible with no class"),
        ("a.csv", "external,compatible\nblast,BLA\nblast,PMO\n", "twice"),
        ("a.yaml", "blast: []", "'blast' is compatible with no class"),
        ("a.yaml", "blast:", "'blast' is compatible with no class"),
        ("a.yaml", "blast: [[BLA]]", "list of class codes"),
        ("a.yaml", "blast: [BLA]\nblast: [PMO]", "twice"),
        ("a.yaml", "- blast", "expected lines"),
        ("a.yaml", "a: [", "cannot be read as YAML"),
    ],
)
def test_a_wrong_mapping_is_refused_in_one_line(
    name: str, text: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        load_mapping(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_names_are_taken_as_they_stand(tmp_path: Path) -> None:
    # YAML would make 7 of 007, and true of yes, which is the same name as 1.
    (tmp_path / "a.yaml").write_text("1: BLA\nyes: LYT\n007: [EOS, 1]\nNO: NGS\n")
    wanted = {"1": ("BLA",), "yes": ("LYT",), "007": ("EOS", "1"), "NO": ("NGS",)}
    assert load_mapping(tmp_path / "a.yaml") == wanted


def test_a_missing_mapping_is_refused(tmp_path: Path) -> None:
    for name in ("none.yaml", "none.csv"):
        with pytest.raises(InputError, match=name):
            load_mapping(tmp_path / name)
