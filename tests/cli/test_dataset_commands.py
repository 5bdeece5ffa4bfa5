"""index, merge, check and split as a user types them."""

import json
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from marrowscope.cells import read_cells, write_cells
from marrowscope.io.image_encoding import encode_png
from support.command_shell import Shell


@pytest.fixture
def images(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for label in ("BLA", "KSC"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(10 if label == "BLA" else 3):
            pixels = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / "data" / label / f"{number}.png"), pixels)
    (tmp_path / "data" / "BLA" / "text.jpg").write_text("not an image")
    return tmp_path / "data"


def test_check_says_what_is_there_and_what_is_wrong(
    shell: Shell, images: Path, tmp_path: Path
) -> None:
    shell("index", images, "-o", tmp_path / "cells.parquet")
    out, err = shell("check", tmp_path / "cells.parquet")
    assert out == ""
    for said in (
        "11963 fewer than published",
        "39 fewer than published",
        "text.jpg: not a JPEG",
        "12×12 (13)",
        "No patient or slide ids",
        "Classes without any image: PMO",
    ):
        assert said in err
    summary = json.loads(shell("check", tmp_path / "cells.parquet", "--json")[0])
    assert (summary["rows"], summary["usable"]) == (14, 13)
    assert summary["bad"] == [
        {
            "path": str(images / "BLA/text.jpg"),
            "reason": "not a JPEG, PNG, TIFF, BMP, WebP, GIF, JPEG 2000, AVIF or HEIC image",
        }
    ]


def test_folds_of_a_class_of_three_are_reported(shell: Shell, images: Path, tmp_path: Path) -> None:
    cells, output = tmp_path / "cells.parquet", tmp_path / "folds.parquet"
    shell("index", images, "-o", cells)
    out, err = shell("split", cells, "--folds", 5, "-o", output, "--json")
    summary = json.loads(out)
    assert summary["counts"]["BLA"] == {str(fold): 2 for fold in range(5)}
    assert any("KSC has 3 images" in line for line in summary["warnings"])
    assert "KSC has 3 images" in err
    table = read_cells(output, needs=["fold"])
    assert table.filter(pl.col("error").is_not_null())["fold"].to_list() == [None]


def test_a_given_list_is_followed_and_its_faults_are_named_once(
    shell: Shell, images: Path, tmp_path: Path
) -> None:
    cells, listing = tmp_path / "cells.parquet", tmp_path / "list.csv"
    shell("index", images, "-o", cells)
    listing.write_text("path,split\nBLA/0.png,train\nBLA/1.png,test\n")
    out, err = shell("split", cells, "--list", listing, "-o", tmp_path / "s.parquet", "--json")
    assert json.loads(out)["counts"] == {"BLA": {"test": 1, "train": 1}}
    assert "11 usable cells are not in the list" in err
    listing.write_text("path,split\n0.png,train\n")
    _, err = shell("split", cells, "--list", listing, "-o", tmp_path / "s.parquet", status=1)
    assert err.strip() == (
        f"marrowscope: {listing}: 0.png fits more than one cell; give more of its path"
    )


def test_a_table_without_labels_is_named(shell: Shell, images: Path, tmp_path: Path) -> None:
    cells = tmp_path / "cells.parquet"
    shell("index", images, "-o", cells)
    write_cells(read_cells(cells).drop("label"), cells)
    _, err = shell("split", cells, "--test", 0.2, "-o", tmp_path / "s.parquet", status=1)
    assert err.strip().startswith(f"marrowscope: {cells}: the table has no labels")
    assert not (tmp_path / "s.parquet").exists()


def test_stain_vectors_of_the_index_stay_through_the_split(
    shell: Shell, images: Path, tmp_path: Path
) -> None:
    cells, output = tmp_path / "cells.parquet", tmp_path / "split.parquet"
    out, err = shell("index", images, "-o", cells, "--stain", "--json")
    assert json.loads(out)["stains"] == 13
    assert "13 with stain vectors" in err
    shell("split", cells, "--test", 0.2, "-o", output)
    split = read_cells(output, needs=["stain"])
    assert split["stain"].equals(read_cells(cells)["stain"])
    assert split.filter(pl.col("stain").is_null())["error"].null_count() == 0


def test_index_says_what_it_took_for_what_and_which_labels_are_outside(
    shell: Shell, images: Path, tmp_path: Path
) -> None:
    listing = tmp_path / "list.csv"
    rows = [f"data/BLA/{number}.png;neutrophil;P 1;9" for number in range(3)]
    listing.write_text("\n".join(["Bild;Klasse;Patient ID;Alter", *rows]))
    out, err = shell("index", listing, "-o", tmp_path / "cells.parquet", "--json")
    assert "patient_id from 'Patient ID'; only carried along: Alter" in err
    outside = "neutrophil (3), nearest NGS (segmented neutrophil), NGB (band neutrophil)"
    assert outside in err
    assert any(outside in note for note in json.loads(out)["notes"])
    assert read_cells(tmp_path / "cells.parquet")["Alter"].to_list() == ["9"] * 3


def test_an_index_in_which_nothing_is_usable_is_an_error(
    shell: Shell, images: Path, tmp_path: Path
) -> None:
    cells = tmp_path / "cells.parquet"
    _, err = shell("index", images / "BLA" / "text.jpg", "-o", cells, status=1)
    assert err.splitlines()[-1].startswith("marrowscope: none of 1 files can be used")
    _, err = shell("index", cells, "-o", tmp_path / "again.parquet", status=1)
    assert "is a cell table already" in err
    assert not (tmp_path / "again.parquet").exists()


def test_split_prints_the_number_of_groups(shell: Shell, images: Path, tmp_path: Path) -> None:
    cells = tmp_path / "cells.parquet"
    shell("index", images, "-o", cells, "--patient-from", "name:{id:1}*")
    out, err = shell("split", cells, "--folds", 2, "-o", tmp_path / "s.parquet", "--json")
    assert "kept together: patient_id, 10 groups" in err
    assert json.loads(out)["groups"] == 10


@pytest.fixture
def two_laboratories(shell: Shell, images: Path, tmp_path: Path) -> Path:
    """Table of 10 BLA and 3 KSC of Munich, and 8 other BLA of Bonn."""
    random = np.random.default_rng(1)
    (tmp_path / "bonn/BLA").mkdir(parents=True)
    for number in range(8):
        pixels = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f"bonn/BLA/{number}.png"), pixels)
    shell("index", images, "-o", tmp_path / "munich.parquet", "--laboratory", "Munich")
    shell("index", tmp_path / "bonn", "-o", tmp_path / "bonn.parquet", "--laboratory", "Bonn")
    tables = (tmp_path / "munich.parquet", tmp_path / "bonn.parquet")
    out, err = shell("merge", *tables, "-o", tmp_path / "both.parquet", "--json")
    assert json.loads(out) == {
        "output": str(tmp_path / "both.parquet"), "rows": 22, "repeated": 0, "warnings": []
    }  # fmt: skip
    assert "2 tables, 22 rows" in err
    return tmp_path / "both.parquet"


def test_check_counts_by_laboratory_and_names_what_only_one_has(
    shell: Shell, two_laboratories: Path
) -> None:
    out, err = shell("check", two_laboratories, "--json")
    assert json.loads(out)["laboratories"] == {
        "BLA": {"Bonn": 8, "Munich": 10}, "KSC": {"Bonn": 0, "Munich": 3}
    }  # fmt: skip
    assert [line.split() for line in err.splitlines() if line.startswith(("class  Bonn", "KSC  "))][
        -2:
    ] == [["class", "Bonn", "Munich"], ["KSC", "–", "3"]]
    words = " ".join(err.split())
    assert "Classes that only one laboratory has: KSC (only Munich)." in words
    assert "Laboratory Bonn has only class BLA (8 images)" in words


def test_nothing_is_said_where_none_is_named(shell: Shell, images: Path, tmp_path: Path) -> None:
    out, err = shell("index", images, "-o", tmp_path / "cells.parquet", "--json")
    assert "laboratories" not in json.loads(out)
    assert "laborator" not in err + shell("check", tmp_path / "cells.parquet")[1]
    assert "laboratory" not in read_cells(tmp_path / "cells.parquet").columns


def test_laboratories_of_other_commands_are_refused_in_one_line(
    shell: Shell, images: Path, tmp_path: Path
) -> None:
    output = tmp_path / "c.parquet"
    for given, said in (
        (("--laboratory", " "), "--laboratory ' ': is no name"),
        (("--laboratory-from", "folder"), "--laboratory-from folder: give folder:-1"),
    ):
        _, err = shell("index", images, "-o", output, *given, status=1)
        assert err.startswith(f"marrowscope: {said}")
        assert len(err.splitlines()) == 1
    _, err = shell("merge", images / "none.parquet", "-o", output, status=1)
    assert "none.parquet: no such file" in err
    assert not output.exists()


def test_a_split_of_two_laboratories_is_counted_by_both(
    shell: Shell, two_laboratories: Path, tmp_path: Path
) -> None:
    given = ("--test", 0.5, "-o", tmp_path / "split.parquet", "--json")
    out, err = shell("split", two_laboratories, *given)
    assert json.loads(out)["laboratories"]["Bonn"] == {"BLA": {"test": 4, "train": 4}}
    assert json.loads(out)["counts"]["BLA"] == {"test": 9, "train": 9}
    assert [line.split() for line in err.splitlines()[:4]] == [
        ["class", "laboratory", "test", "train"], ["BLA", "all", "9", "9"],
        ["Bonn", "4", "4"], ["Munich", "5", "5"],
    ]  # fmt: skip
    assert "laboratory" in read_cells(tmp_path / "split.parquet").columns


def test_names_of_files_do_not_control_the_terminal(tmp_path: Path, shell: Shell) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/good.png").write_bytes(encode_png(np.zeros((12, 12, 3), np.uint8)))
    (tmp_path / "in/a\x1b[2J\nb.png").touch()
    err = shell("index", tmp_path / "in", "-o", tmp_path / "cells.parquet").err
    assert "\x1b" not in err
    assert "a·[2J·b.png: empty file" in err


def test_a_list_is_not_overwritten_by_its_own_table(images: Path, shell: Shell) -> None:
    own = images.parent / "list.csv"
    own.write_text("path,label\ndata/BLA/0.png,BLA\n")
    for command in ("index", "predict"):
        err = shell(command, own, "-o", own, status=1).err
        assert f"--output {own}: is the list that is read, which would be lost" in err
    assert own.read_text().startswith("path,label")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("loop", "loop: a link that leads to itself"),
        ("gone", "gone: a link that leads nowhere"),
        ("old.xls", "a spreadsheet of a kind that is not read; save it as Excel workbook"),
        ("new.ods", "a spreadsheet of a kind that is not read; save it as Excel workbook"),
    ],
)
def test_what_is_neither_image_nor_list_is_named(
    tmp_path: Path, shell: Shell, name: str, reason: str
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "gone").symlink_to("nothing")
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600))
    (tmp_path / "new.ods").write_bytes(b"PK\x03\x04" + bytes(600))
    assert reason in shell("index", tmp_path / name, "-o", tmp_path / "x.parquet", status=1).err


def test_an_output_that_cannot_be_is_not_blamed_on_the_disk(images: Path, shell: Shell) -> None:
    below = images / "BLA/0.png/cells.parquet"
    err = shell("index", images, "-o", below, status=1).err
    assert "cannot be written: Not a directory" in err
    assert "free some space" not in err


def test_addresses_and_endless_labels_in_a_list_are_said(tmp_path: Path, shell: Shell) -> None:
    (tmp_path / "a.png").write_bytes(encode_png(np.zeros((12, 12, 3), np.uint8)))
    (tmp_path / "list.csv").write_text(
        f"path,label\na.png,{'x' * 10_000}\nhttps://example.org/b.png,BLA\n"
    )
    err = shell("index", tmp_path / "list.csv", "-o", tmp_path / "cells.parquet").err
    assert "https://example.org/b.png: an address, not a file; download it" in err
    assert "x" * 61 not in err


def test_index_does_not_write_over_a_table_of_another_step(images: Path, shell: Shell) -> None:
    other = images.parent / "predictions.parquet"
    write_cells(pl.DataFrame({"cell_id": ["a"], "path": ["a.png"]}), other)
    err = shell("index", images, "-o", other, status=1).err
    assert f"--output {other}: something else is there than a table of 'index'" in err
    assert read_cells(other).height == 1
