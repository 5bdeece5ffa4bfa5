"""Layouts in which people keep their images."""

import os
from pathlib import Path

import pytest

from marrowscope.class_synonyms import resolve_class
from marrowscope.dataset.discovery_notes import DiscoveryNotes
from marrowscope.dataset.discovery_rules import discovery_rules
from marrowscope.dataset.image_discovery import discover, typed_columns
from marrowscope.errors import InputError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def labels(paths: list[Path], root: Path | None = None) -> dict[str, str | None]:
    return {Path(found.path).name: found.label for found in discover(paths, root)}


def test_the_public_layout_with_nested_thousand_folders(tmp_path: Path) -> None:
    touch(tmp_path / "BLA/0001-1000/BLA_00001.jpg", tmp_path / "BLA/1001-2000/BLA_01001.jpg")
    touch(tmp_path / "KSC/KSC_00001.jpg")
    expected = {"BLA_00001.jpg": "BLA", "BLA_01001.jpg": "BLA", "KSC_00001.jpg": "KSC"}
    assert labels([tmp_path]) == expected


def test_pointing_at_one_class_folder_or_at_its_range_folder(tmp_path: Path) -> None:
    touch(tmp_path / "BLA/0001-1000/BLA_00001.jpg")
    assert labels([tmp_path / "BLA"]) == {"BLA_00001.jpg": "BLA"}
    assert labels([tmp_path / "BLA/0001-1000"]) == {"BLA_00001.jpg": "BLA"}


def test_train_and_test_trees_give_a_split(tmp_path: Path) -> None:
    touch(tmp_path / "train/BLA/a.png", tmp_path / "test/LYT/b.png", tmp_path / "valid/LYT/c.png")
    found = {Path(f.path).name: (f.label, f.columns["split"]) for f in discover([tmp_path])}
    assert found == {"a.png": ("BLA", "train"), "b.png": ("LYT", "test"), "c.png": ("LYT", "val")}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Segmented neutrophils", "NGS"),
        ("neutrophil_segmented", "NGS"),
        ("PLASMA-CELLS", "PLM"),
        ("Lymphocyte", "LYT"),
        ("immature lymphocytes", "LYI"),
        ("bla", "BLA"),
        ("Not identifiable", "NIF"),
        ("hairy cells", "HAC"),
        ("teapot", None),
        ("", None),
    ],
)
def test_class_names_in_many_spellings(name: str, code: str | None) -> None:
    assert resolve_class(name) == code


def test_folders_outside_the_scheme_are_a_scheme_of_the_users_own(tmp_path: Path) -> None:
    touch(tmp_path / "cat/1.jpg", tmp_path / "dog/2.jpg")
    assert labels([tmp_path]) == {"1.jpg": "cat", "2.jpg": "dog"}


def test_loose_images_have_no_label(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "train/b.jpg")
    assert labels([tmp_path]) == {"a.jpg": None, "b.jpg": None}


def test_a_csv_list_with_ids(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "Image Path,Label,patient_id,x\nimg/1.jpg,blast,P1,10.5\nimg/2.jpg,LYT,P2,\n"
    )
    found = list(discover([tmp_path / "list.csv"]))
    assert [f.label for f in found] == ["BLA", "LYT"]
    assert found[0].path == str(tmp_path / "img/1.jpg")
    columns = typed_columns(found)
    assert columns["patient_id"].to_list() == ["P1", "P2"]
    assert columns["x"].to_list() == [10.5, None]
    assert labels([tmp_path / "list.csv"], tmp_path / "else") == {"1.jpg": "BLA", "2.jpg": "LYT"}
    assert next(iter(discover([tmp_path / "list.csv"], tmp_path / "else"))).path.startswith(
        str(tmp_path / "else")
    )


def test_a_csv_without_paths_or_with_a_wrong_number_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("name,Label\na,BLA\n")
    with pytest.raises(InputError, match="no path column"):
        list(discover([tmp_path / "list.csv"]))
    (tmp_path / "list.csv").write_text("path,x\na.jpg,left\n")
    with pytest.raises(InputError, match="column x"):
        typed_columns(list(discover([tmp_path / "list.csv"])))


def test_hidden_files_masks_and_other_suffixes_are_left_alone(tmp_path: Path) -> None:
    touch(tmp_path / "BLA/.hidden.jpg", tmp_path / ".git/x.jpg", tmp_path / "BLA/a.mask.png")
    touch(tmp_path / "BLA/readme.txt", tmp_path / "BLA/good.WEBP")
    assert labels([tmp_path]) == {"good.WEBP": "BLA"}


def test_a_file_named_twice_comes_once_and_order_is_stable(tmp_path: Path) -> None:
    touch(tmp_path / "BLA/b.jpg", tmp_path / "BLA/a.jpg", tmp_path / "ART/z.jpg")
    names = [Path(f.path).name for f in discover([tmp_path, tmp_path / "BLA/a.jpg"])]
    assert names == ["z.jpg", "a.jpg", "b.jpg"]


def test_a_link_back_to_the_top_does_not_go_round_for_ever(tmp_path: Path) -> None:
    touch(tmp_path / "BLA/a.jpg")
    (tmp_path / "BLA/loop").symlink_to(tmp_path)
    assert labels([tmp_path]) == {"a.jpg": "BLA"}


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        list(discover([tmp_path / "nowhere"]))


def test_two_labels_for_one_file_both_come_and_a_repeated_one_does_not(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,label\na.jpg,BLA\na.jpg,LYT\na.jpg,BLA\na.jpg,\n")
    found = list(discover([tmp_path / "list.csv"]))
    assert [(Path(f.path).name, f.label) for f in found] == [("a.jpg", "BLA"), ("a.jpg", "LYT")]


def test_train_and_test_folders_named_side_by_side_are_a_split(tmp_path: Path) -> None:
    touch(tmp_path / "train/BLA/a.png", tmp_path / "test/LYT/b.png")
    both = discover([tmp_path / "train", tmp_path / "test"])
    assert [f.columns for f in both] == [{"split": "train"}, {"split": "test"}]
    alone = discover([tmp_path / "test"])  # a folder for trying things out, perhaps
    assert [(f.label, f.columns) for f in alone] == [("LYT", {})]


def test_a_single_image_takes_the_class_of_the_folder_around_its_thousand(tmp_path: Path) -> None:
    image = tmp_path / "BLA/0001-1000/BLA_00001.jpg"
    touch(image)
    assert labels([image]) == {"BLA_00001.jpg": "BLA"}


def test_inner_folders_of_a_class_do_not_hide_it(tmp_path: Path) -> None:
    touch(tmp_path / "BLA/patient 7/a.jpg", tmp_path / "cat/kitten/b.jpg")
    assert labels([tmp_path]) == {"a.jpg": "BLA", "b.jpg": "kitten"}


def test_a_list_written_on_windows_is_found(tmp_path: Path) -> None:
    touch(tmp_path / "BLA/a.jpg")
    (tmp_path / "list.csv").write_bytes(b"\xef\xbb\xbfImage Path,Label\r\nBLA\\a.jpg,BLA\r\n")
    (found,) = discover([tmp_path / "list.csv"])
    assert (found.path, found.label) == (str(tmp_path / "BLA/a.jpg"), "BLA")


def test_a_folder_that_cannot_be_listed_is_yielded_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "BLA/a.jpg", tmp_path / "LYT/b.jpg")
    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("LYT"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert labels([tmp_path]) == {"a.jpg": "BLA", "LYT": "LYT"}


def test_patients_as_folders_inside_classes_are_ids_and_are_said(tmp_path: Path) -> None:
    touch(tmp_path / "Lymphoblast/Patient_0/a.jpg", tmp_path / "Lymphoblast/Patient_1/b.jpg")
    notes = DiscoveryNotes()
    found = list(discover([tmp_path], notes=notes))
    assert [(f.label, f.columns) for f in found] == [
        ("Lymphoblast", {"patient_id": "Patient_0"}),
        ("Lymphoblast", {"patient_id": "Patient_1"}),
    ]
    assert notes.sentences() == (
        "patient_id is taken from the names of folders: 2 patients (Patient_0, Patient_1)",
    )


def test_a_patient_from_a_folder_or_a_name_as_one_asks(tmp_path: Path) -> None:
    touch(tmp_path / "Lymphoblast/anna/1_x.jpg", tmp_path / "Lymphoblast/bert/2_x.jpg")
    for rule, patients in (("folder:-1", ["anna", "bert"]), ("name:{id}_*", ["1", "2"])):
        found = list(discover([tmp_path], rules=discovery_rules(rule)))
        assert [f.columns["patient_id"] for f in found] == patients
    assert {f.label for f in discover([tmp_path], rules=discovery_rules("folder:-1"))} == {
        "Lymphoblast"
    }


def test_labels_of_folders_without_a_mapping_are_those_that_folders_always_have(
    tmp_path: Path,
) -> None:
    touch(tmp_path / "BLA/0001-1000/a.jpg", tmp_path / "own/Patient_1/b.jpg")
    rules = discovery_rules(labels_from="folder")
    for paths in ([tmp_path], [tmp_path / "BLA", tmp_path / "own"], [tmp_path / "BLA/0001-1000"]):
        assert [one.label for one in discover(paths, rules=rules)][:1] == ["BLA"]
    assert [one.label for one in discover([tmp_path], rules=rules)] == ["BLA", "own"]


def laboratories(paths: list[Path], **given: str) -> dict[str, str | None]:
    found = discover(paths, rules=discovery_rules(**given))
    return {Path(one.path).name: one.columns.get("laboratory") for one in found}


def test_a_laboratory_is_named_or_stands_in_the_path(tmp_path: Path) -> None:
    touch(tmp_path / "Munich/BLA/a.jpg", tmp_path / " Bonn/BLA/b_x.jpg", tmp_path / "BLA/c.jpg")
    assert laboratories([tmp_path], laboratory=" Ulm  2") == dict.fromkeys(
        ["a.jpg", "b_x.jpg", "c.jpg"], "Ulm 2"
    )
    by_name = laboratories([tmp_path], laboratory_from="name:{id}_*", laboratory="Ulm")
    assert by_name == {"a.jpg": "Ulm", "b_x.jpg": "b", "c.jpg": "Ulm"}
    by_folder = laboratories([tmp_path / "Munich", tmp_path / " Bonn"], laboratory_from="folder:-2")
    assert by_folder == {"a.jpg": "Munich", "b_x.jpg": "Bonn"}
    assert laboratories([tmp_path]) == dict.fromkeys(["a.jpg", "b_x.jpg", "c.jpg"])


def test_the_folder_of_a_laboratory_is_no_class(tmp_path: Path) -> None:
    touch(tmp_path / "own/Munich/a.jpg")
    (found,) = discover([tmp_path], rules=discovery_rules(laboratory_from="folder:-1"))
    assert (found.label, found.columns) == ("own", {"laboratory": "Munich"})


def test_laboratories_as_the_outermost_folders_of_any_depth(tmp_path: Path) -> None:
    touch(tmp_path / "Munich/BLA/0001-1000/a.jpg", tmp_path / "Bonn/own/b.jpg")
    found = list(discover([tmp_path], rules=discovery_rules(laboratory_from="folder:1")))
    assert [(one.label, one.columns) for one in found] == [
        ("own", {"laboratory": "Bonn"}), ("BLA", {"laboratory": "Munich"})
    ]  # fmt: skip
    (tmp_path / "l.csv").write_text("path\nMunich/BLA/0001-1000/a.jpg\n")
    listed = laboratories([tmp_path / "l.csv"], laboratory_from="folder:1")
    assert listed == {"a.jpg": "Munich"}


def test_the_laboratory_of_a_list_comes_first(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("path,label,Labor\na.jpg,BLA, Bonn \nb.jpg,BLA,NA\n")
    assert laboratories([tmp_path / "l.csv"], laboratory="Ulm") == {"a.jpg": "Bonn", "b.jpg": "Ulm"}


def test_where_the_laboratories_were_found_is_said(tmp_path: Path) -> None:
    touch(tmp_path / "x_1.jpg", tmp_path / "x_2.jpg", tmp_path / "y_1.jpg", tmp_path / "z.jpg")
    notes = DiscoveryNotes()
    list(discover([tmp_path], rules=discovery_rules(laboratory_from="name:{id}_*"), notes=notes))
    assert notes.sentences() == (
        "laboratory is taken from `laboratory_from` name:{id}_*: 2 laboratories (x (2), y (1))",
        "1 images have no laboratory by name:{id}_*",
    )


def test_classes_in_file_names_and_folders_of_no_class_are_said(tmp_path: Path) -> None:
    touch(tmp_path / "BLA_00001.jpg", tmp_path / "augmented/LYT_00002.jpg", tmp_path / "x/a.jpg")
    notes = DiscoveryNotes()
    found = {Path(f.path).name: f.label for f in discover([tmp_path], notes=notes)}
    assert found == {"BLA_00001.jpg": "BLA", "LYT_00002.jpg": "LYT", "a.jpg": "x"}
    said = "\n".join(notes.sentences())
    assert "2 labels are taken from file names such as BLA_00001.jpg" in said
    assert "no class: augmented (1); if these are turned copies" in said


def test_parts_of_a_split_under_other_names_are_said(tmp_path: Path) -> None:
    touch(tmp_path / "Train/BLA/a.jpg", tmp_path / "Test-A/BLA/b.jpg", tmp_path / "TestB/BLA/c.jpg")
    notes = DiscoveryNotes()
    parts = [f.columns["split"] for f in discover([tmp_path], notes=notes)]
    assert parts == ["test", "test", "train"]
    assert notes.sentences() == (
        "parts of the split from folders: "
        "Test-A is test (1), TestB is test (1), Train is train (1)",
    )


def test_a_file_that_is_neither_image_nor_list_is_refused(tmp_path: Path) -> None:
    touch(tmp_path / "report.docx")
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("report.docx", "neither an image nor a list"), ("pipe", "neither")):
        with pytest.raises(InputError, match=reason):
            list(discover([tmp_path / name]))
    (tmp_path / "cells.parquet").write_bytes(b"x")
    with pytest.raises(InputError, match="is a cell table already"):
        list(discover([tmp_path / "cells.parquet"]))


def test_columns_of_a_list_that_are_unknown_stay_as_text(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,label,age,error\na.jpg,BLA,07,none\n")
    columns = typed_columns(list(discover([tmp_path / "list.csv"])))
    assert columns["age"].to_list() == ["07"]
    assert "error" not in columns


def test_files_that_are_no_image_by_their_ending_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "BLA"
    folder.mkdir()
    for name in ("0.jpg", "1.JFIF", "2.jpe", "3.nd2", "4.czi", "5.CZI", ".6.tif", "Thumbs.db"):
        (folder / name).write_bytes(b"x")
    notes = DiscoveryNotes()
    found = list(discover([tmp_path], notes=notes))
    assert [Path(one.path).name for one in found] == ["0.jpg", "1.JFIF", "2.jpe"]
    said = "3 files passed over, no image by the ending: 2 .czi, 1 .nd2"
    assert said in notes.sentences()


def test_a_file_of_another_format_is_named_for_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "cell.nd2").write_bytes(b"\xda\xce\xbe\x0a" + bytes(50))
    (tmp_path / "cell.dcm").write_bytes(bytes(128) + b"DICM\x08\x00\x60\x00CS\x02\x00CT")
    for name, what in (("cell.nd2", "Nikon ND2"), ("cell.dcm", "modality CT")):
        with pytest.raises(InputError, match=what):
            list(discover([tmp_path / name]))
