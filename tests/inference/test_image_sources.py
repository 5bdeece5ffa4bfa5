"""What is predicted: files, folders, globs, lists and tables, in the order given."""

import io
import os
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from marrowscope.errors import InputError
from marrowscope.inference.image_sources import expand


def grey(path: Path, level: int, height: int = 250, width: int = 250) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), level, np.uint8))
    return path


def test_sources_are_expanded_in_the_order_given(tmp_path: Path, monkeypatch) -> None:
    for name in ("b/2.png", "b/1.png", "a.png", "c.jpg"):
        grey(tmp_path / name, 100, 8, 8)
    monkeypatch.chdir(tmp_path)
    listing = io.StringIO("c.jpg\na.png\n\nc.jpg\n")
    found = expand(["a.png", "b", "-", "*.jpg", "gone.png"], listing)["path"].to_list()
    b = [str(tmp_path / "b/1.png"), str(tmp_path / "b/2.png")]
    assert found == ["a.png", *b, "c.jpg", "a.png", "c.jpg", "c.jpg", "gone.png"]


def test_a_list_may_be_separated_by_nul() -> None:
    assert expand(["-"], io.StringIO("a b.png\0new\nline.png\0"))["path"].to_list() == [
        "a b.png", "new\nline.png",
    ]  # fmt: skip


def test_tables_and_csv_lists_are_sources_too(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("Image Path,Label\nx/1.png,BLA\n")
    found = expand([str(tmp_path / "list.csv")])
    assert found.select("path", "label").rows() == [(str(tmp_path / "x/1.png"), "BLA")]
    cells = pl.DataFrame({"cell_id": ["c1"], "path": ["p.png"], "mine": [3]})
    cells.write_parquet(tmp_path / "cells.parquet")
    assert expand([str(tmp_path / "cells.parquet")])["mine"].to_list() == [3]


def test_nothing_to_predict_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no image found"):
        expand([str(tmp_path)])


def test_a_glob_may_match_tables_and_files_but_names_each_file_once(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    grey(tmp_path / "in/b.png", 100, 8, 8)
    grey(tmp_path / "in/deep/a.png", 100, 8, 8)
    pl.DataFrame({"cell_id": ["0012"], "path": ["p.png"]}).write_csv(tmp_path / "in/t.csv")
    found = expand(["in/**"])
    assert found["path"].to_list() == ["in/b.png", "in/deep/a.png", "p.png"]
    assert found["cell_id"].to_list() == [None, None, "0012"]


def test_brackets_in_a_name_are_a_name_when_the_file_is_there(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    grey(tmp_path / "x[1].png", 100, 8, 8)
    pl.DataFrame({"cell_id": ["c"], "path": ["p.png"]}).write_csv(tmp_path / "t[1].csv")
    pl.DataFrame({"cell_id": ["c"], "path": ["q.png"]}).write_parquet(tmp_path / "t[1].parquet")
    found = expand(["x[1].png", "t[1].csv", "t[1].parquet"])
    assert found["path"].to_list() == ["x[1].png", "p.png", "q.png"]


def test_names_that_are_not_utf_8_are_rows_with_that_reason() -> None:
    listing = io.TextIOWrapper(io.BytesIO(b"caf\xe9.png\r\na\x0bb.png\n"), encoding="utf-8")
    found = expand(["-", os.fsdecode(b"\xff.png")], listing)
    assert found["path"].to_list() == ["caf\\xe9.png", "a\x0bb.png", "\\xff.png"]
    assert [error is not None and "UTF-8" in error for error in found["error"]] == [
        True, False, True,
    ]  # fmt: skip


def test_tables_that_do_not_fit_together_are_refused_in_one_line(tmp_path: Path) -> None:
    for name, value in (("a", 1), ("b", [1])):
        rows = pl.DataFrame({"cell_id": ["c"], "path": ["p.png"], "mine": [value]})
        rows.write_parquet(tmp_path / f"{name}.parquet")
    with pytest.raises(InputError, match="do not fit together") as caught:
        expand([str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")])
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.csv: no such file"):
        expand([str(tmp_path / "no.csv")])


def test_a_list_keeps_its_columns_and_its_repetitions(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "Image Path,Label,microns_per_pixel,patient_id,mine\n"
        "x/1.png,blasts,0.1,007,3.5\n"
        "x/2.png, my own ,,008,4\n"
        "x/1.png,,0.1,007,5\n"
        ",LYT,,009,6\n"
    )
    found = expand([str(tmp_path / "list.csv")])
    first = str(tmp_path / "x/1.png")
    assert found["path"].to_list() == [first, str(tmp_path / "x/2.png"), first, None]
    assert found["label"].to_list() == ["BLA", "my own", None, "LYT"]
    assert found["microns_per_pixel"].to_list() == [0.1, None, 0.1, None]
    assert found["patient_id"].to_list() == ["007", "008", "007", "009"]
    assert found["mine"].to_list() == [3.5, 4, 5, 6]


def test_a_list_without_paths_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("label,mine\nBLA,1\n")
    with pytest.raises(InputError, match="no path column"):
        expand([str(tmp_path / "list.csv")])


def test_a_list_with_a_pixel_size_that_is_no_number_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,microns_per_pixel\na.png,small\n")
    with pytest.raises(InputError, match=r"list\.csv: column microns_per_pixel, line 2: 'small'"):
        expand([str(tmp_path / "list.csv")])


def test_what_is_passed_over_in_a_folder_is_said(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.nd2", "c.nd2"):
        (tmp_path / name).write_bytes(b"x")
    said: list[str] = []
    assert expand([str(tmp_path)], say=said.append).height == 1
    assert said == ["2 files passed over, no image by the ending: 2 .nd2"]
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(InputError, match=r"no image found; 2 files passed over.*: 2 \.nd2"):
        expand([str(tmp_path)])


def test_a_column_of_a_list_may_have_the_name_of_a_probability(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,p_NGS,predicted\na.png,0.25,NGS\n")
    found = expand([str(tmp_path / "list.csv")])
    assert found.select("p_NGS", "predicted").rows() == [(0.25, "NGS")]
