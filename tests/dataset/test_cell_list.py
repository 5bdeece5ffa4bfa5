"""Lists of images and of places in fields."""

import unicodedata
from pathlib import Path

import polars as pl
import pytest

from marrowscope.dataset.cell_list import listed_path, read_cell_list, refuse_own_list
from marrowscope.errors import InputError
from support.workbooks import workbook


def listed(folder: Path, text: str, name: str = "list.csv") -> pl.DataFrame:
    (folder / name).write_text(text, encoding="utf-8")
    return read_cell_list(folder / name).table


def test_ids_labels_and_numbers_are_tidied_and_the_rest_is_carried(tmp_path: Path) -> None:
    table = listed(
        tmp_path,
        "Datei;Klasse;Patient;Split;x;y;Alter;width\n"
        "a.jpg;Promyelozyt;0012 ;Training set;1,5;2;07;9\nb.jpg;NA;-;;;;;\n",
    )
    assert table.rows(named=True) == [
        {"path": str(tmp_path / "a.jpg"), "label": "PMO", "split": "train", "patient_id": "0012",
         "x": 1.5, "y": 2.0, "Alter": "07", "listed_width": "9"},
        {"path": str(tmp_path / "b.jpg"), "label": None, "split": None, "patient_id": None,
         "x": None, "y": None, "Alter": None, "listed_width": None},
    ]  # fmt: skip


def test_a_workbook_is_a_list_too(tmp_path: Path) -> None:
    (tmp_path / "l.xlsx").write_bytes(workbook([["Image", "Class"], ["a.jpg", "Blast"]]))
    read = read_cell_list(tmp_path / "l.xlsx")
    assert read.table.select("path", "label").rows() == [(str(tmp_path / "a.jpg"), "BLA")]


def test_boxes_give_the_place_in_the_count_of_pixel_centres(tmp_path: Path) -> None:
    corners = listed(tmp_path, "image,xmin,ymin,xmax,ymax\na.jpg,10,20,30,60\n")
    sizes = listed(tmp_path, "image,bbox_x,bbox_y,bbox_w,bbox_h\na.jpg,10,20,20,40\n")
    for table in (corners, sizes):
        assert table.select("x", "y", "x0", "y1").rows() == [(19.5, 39.5, 10.0, 60.0)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("path,x\na.jpg,left\n", "column x, line 2: 'left' is not a number"),
        ("path,split\na.jpg,group 1\n", "line 2: split 'group 1' is not understood"),
        ("name,Label\na,BLA\n", "has no path column"),
        ("path,xmin,ymin\na.jpg,1,2\n", "a box needs four sides"),
        ("", "has no path column"),
    ],
)
def test_what_cannot_be_understood_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InputError, match=rf"list\.csv: {reason}"):
        listed(tmp_path, text)


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_file_is_found_in_the_other_normal_form_of_unicode(
    tmp_path: Path, forms: tuple[str, str]
) -> None:
    on_disk, in_list = (unicodedata.normalize(form, "Präp/Bläst.jpg") for form in forms)
    file = tmp_path / on_disk
    file.parent.mkdir()
    file.write_bytes(b"x")
    assert listed_path(tmp_path, in_list) == str(file)
    assert listed_path(tmp_path, in_list.replace("/", "\\")) == str(file)


def test_a_table_is_not_written_over_the_list_that_it_is_made_of(tmp_path: Path) -> None:
    own = tmp_path / "list.csv"
    own.write_text("path,label\na.png,BLA\n")
    (tmp_path / "link.csv").symlink_to(own)
    for output in (own, tmp_path / "link.csv"):
        with pytest.raises(InputError, match="is the list that is read"):
            refuse_own_list(output, [tmp_path, own])
    refuse_own_list(tmp_path / "new.csv", [own])
    table = tmp_path / "table.csv"
    table.write_text("cell_id,path\na,a.png\n")
    refuse_own_list(table, [table])  # a cell table keeps all its columns


@pytest.mark.parametrize("size", ["0", "-1", "86.25"])
def test_a_pixel_size_that_cannot_be_right_is_named_with_its_line(
    tmp_path: Path, size: str
) -> None:
    (tmp_path / "list.csv").write_text(f"path,mpp\na.png,0.1\nb.png,{size}\n")
    with pytest.raises(InputError, match=rf"line 3: {size}; expected 0\.005 to 10"):
        read_cell_list(tmp_path / "list.csv")
