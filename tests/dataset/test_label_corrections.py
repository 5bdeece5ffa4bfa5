"""Corrections of a cytologist: read as spreadsheets leave them, taken into the table or refused."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marrowscope.dataset.indexing import index
from marrowscope.dataset.label_corrections import RelabelResult, read_corrections, relabel
from marrowscope.errors import InputError
from marrowscope.io.image_encoding import encode_png

HEAD = "rank,cell_id,path,label,suggested,corrected"


@pytest.fixture
def cells() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "cell_id": ["a", "b", "c"],
            "path": ["/x/1.jpg", "/x/2.jpg", "/x/3.jpg"],
            "label": ["BLA", "PMO", None],
        }
    )


def apply(cells: pl.DataFrame, folder: Path, *lists: str) -> RelabelResult:
    read = []
    for number, text in enumerate(lists):
        path = folder / f"{number}.csv"
        path.write_text(text, encoding="utf-8")
        read.append((path, read_corrections(path)))
    return relabel(cells, read)


def test_corrected_labels_take_the_place_of_the_first_which_stay_beside(
    cells: pl.DataFrame, tmp_path: Path
) -> None:
    text = f"{HEAD}\n1,a,/x/1.jpg,BLA,PMO,PMO\n2,b,/x/2.jpg,PMO,BLA,PMO\n3,c,/x/3.jpg,,BLA,\n"
    result = apply(cells, tmp_path, text)
    assert result.table["label"].to_list() == ["PMO", "PMO", None]
    assert result.table["label_before"].to_list() == ["BLA", None, None]
    assert (result.changed, result.confirmed) == (1, 1)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_whatever_a_spreadsheet_makes_of_the_file_is_read(
    cells: pl.DataFrame, tmp_path: Path, separator: str, mark: str, end: str
) -> None:
    lines = ["Cell_ID, Corrected ,note", "a, MYB ,why not", "b,,"]
    text = mark + end.join(line.replace(",", separator) for line in lines)
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode())
    result = relabel(cells, [(path, read_corrections(path))])
    assert result.table["label"].to_list() == ["MYB", "PMO", None]


def test_an_id_that_a_spreadsheet_took_for_a_number_is_found_by_its_path(
    cells: pl.DataFrame, tmp_path: Path
) -> None:
    text = "cell_id,path,corrected\n4.67E+15,/x/1.jpg,MYB\n4.67E+15,/x/2.jpg,BLA\n"
    assert apply(cells, tmp_path, text).table["label"].to_list() == ["MYB", "BLA", None]


def test_a_later_list_corrects_an_earlier_one(cells: pl.DataFrame, tmp_path: Path) -> None:
    lists = [
        "cell_id,label,corrected\na,BLA,PMO\nb,PMO,MYB\n",
        "cell_id,label,corrected\na,PMO,MYB\nb,MYB,PMO\n",
    ]
    result = apply(cells, tmp_path, *lists)
    assert result.table["label"].to_list() == ["MYB", "PMO", None]
    assert result.table["label_before"].to_list() == ["BLA", None, None]
    with pytest.raises(InputError, match="its label is BLA; give earlier lists first"):
        apply(cells, tmp_path, *reversed(lists))


def test_a_list_taken_twice_changes_nothing_more(cells: pl.DataFrame, tmp_path: Path) -> None:
    text = "cell_id,label,corrected\na,BLA,PMO\n"
    once = apply(cells, tmp_path, text).table
    again = apply(once, tmp_path, text)
    assert again.table.equals(once)
    assert (again.changed, again.confirmed) == (0, 1)


def test_classes_of_the_users_own_scheme_are_taken(cells: pl.DataFrame, tmp_path: Path) -> None:
    own = cells.with_columns(label=pl.Series(["Blast", "Mast cell", None]))
    result = apply(own, tmp_path, "cell_id,corrected\na,Mast cell\n")
    assert result.table["label"][0] == "Mast cell"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cell_id,corrected\na,XYZ\n", "line 2 corrects to XYZ, which is not a class"),
        ("cell_id,corrected\nq,BLA\n", "cell q, which is not in the table"),
        ("cell_id,corrected\na,PMO\na,MYB\n", "corrected to PMO in line 2 and to MYB in line 3"),
        ("cell_id,path,corrected\na,,PMO\nz,/x/1.jpg,MYB\n", "corrected to PMO in line 2 and"),
        ("cell_id,label,corrected\na,EOS,PMO\n", "from EOS, but its label is BLA"),
        ("cell_id,corrected\n,PMO\n", "line 2 corrects a cell without cell_id"),
        ("cell_id,label\na,BLA\n", "no column corrected"),
        ("", "no column cell_id, corrected"),
        ("\0\0\0", "is not text"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(
    cells: pl.DataFrame, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        apply(cells, tmp_path, text)
    assert "0.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_corrections(tmp_path / "none.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_corrections(tmp_path)
    (tmp_path / "list.csv").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    with pytest.raises(InputError, match="CSV UTF-8"):
        read_corrections(tmp_path / "list.csv")


def test_a_correction_may_use_any_name_of_one_of_the_21_classes(
    cells: pl.DataFrame, tmp_path: Path
) -> None:
    text = "cell_id;corrected\na;Promyelozyt\nb;bla\n"
    assert apply(cells, tmp_path, text).table["label"].to_list() == ["PMO", "BLA", None]


def test_index_takes_corrections_and_a_wrong_one_leaves_the_earlier_table(tmp_path: Path) -> None:
    for code, level in (("BLA", 40), ("PMO", 90)):
        folder = tmp_path / "images" / code
        folder.mkdir(parents=True)
        image = np.full((20, 20, 3), level, np.uint8)
        (folder / f"{code}_1.png").write_bytes(encode_png(image))
    output, corrections = tmp_path / "cells.parquet", tmp_path / "list.csv"
    first = index([tmp_path / "images"], output)
    cell = first.filter(pl.col("label") == "BLA")["cell_id"][0]
    corrections.write_text(f"cell_id,label,corrected\n{cell},BLA,MYB\n")
    index([tmp_path / "images"], output, relabel=[corrections])
    table = pl.read_parquet(output)
    assert sorted(table["label"]) == ["MYB", "PMO"]
    corrections.write_text(f"cell_id,label,corrected\n{cell},BLA,MYX\n")
    with pytest.raises(InputError, match="MYX"):
        index([tmp_path / "images"], output, relabel=[corrections])
    assert pl.read_parquet(output).equals(table)
