"""The index: every bad file is a row with its reason, every good one a good row."""

import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from PIL import Image

from marrowscope.cells import SCHEMA, read_cells
from marrowscope.dataset import indexing as index_module
from marrowscope.dataset.indexing import index
from marrowscope.errors import InputError
from marrowscope.io.image_decoding import read_image
from marrowscope.stain import estimate_stain
from support import slow_index
from support.damaged_files import errors, ten_damaged_files, write_image


def test_exactly_the_damaged_files_are_reported_and_no_good_row_is_lost(tmp_path: Path) -> None:
    for number in range(12):
        write_image(tmp_path / f"data/BLA/BLA_{number:05d}.png", number)
    expected = ten_damaged_files(tmp_path / "data" / "BLA")
    table = index([tmp_path / "data"])
    found = errors(table)
    assert found.keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in found[name], name
    assert table.height == 12 + 10
    assert table.filter(pl.col("error").is_null()).height == 12
    assert table["cell_id"].n_unique() == table.height


def test_odd_but_readable_images_are_kept_with_a_note(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 20, 3), dtype=np.uint8)
    folder = tmp_path / "LYT"
    folder.mkdir()
    Image.fromarray(noise).convert("CMYK").save(folder / "cmyk.tif")
    Image.fromarray(noise[..., 0]).save(folder / "grey.png")
    Image.fromarray(noise[..., 0].astype(np.uint16) * 257).save(folder / "deep.png")
    Image.fromarray(np.dstack([noise, noise[..., 0]])).save(folder / "alpha.png")
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(noise).save(folder / "turned.jpg", exif=exif)
    table = index([tmp_path])
    assert table["error"].null_count() == 5
    notes = {Path(p).name: n for p, n in table.select("path", "note").rows()}
    assert "CMYK" in notes["cmyk.tif"]
    assert "greyscale" in notes["grey.png"]
    assert "16-bit" in notes["deep.png"]
    assert "transparency" in notes["alpha.png"]
    assert "orientation 8" in notes["turned.jpg"]
    sizes = {Path(p).name: (w, h) for p, w, h in table.select("path", "width", "height").rows()}
    assert sizes["turned.jpg"] == (30, 20)
    assert sizes["grey.png"] == (20, 30)


def test_the_same_content_under_one_label_is_kept_once(tmp_path: Path) -> None:
    first = write_image(tmp_path / "BLA/a.png", 1)
    (tmp_path / "BLA/b.png").write_bytes(first.read_bytes())
    table = index([tmp_path])
    assert table["error"].to_list() == [None, f"duplicate of {first}"]
    assert table["cell_id"].n_unique() == 2


def test_a_labelled_file_is_kept_and_its_unlabelled_copy_is_not(tmp_path: Path) -> None:
    loose = write_image(tmp_path / "0.png", 1)
    labelled = tmp_path / "BLA" / "a.png"
    labelled.parent.mkdir()
    labelled.write_bytes(loose.read_bytes())
    rows = index([tmp_path]).select("path", "label", "error").rows()
    assert rows == [
        (str(loose), None, f"duplicate of {labelled}"),
        (str(labelled), "BLA", None),
    ]


def test_one_file_listed_under_two_labels_is_excluded(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", 1)
    write_image(tmp_path / "b.png", 2)
    (tmp_path / "list.csv").write_text("path,label\na.png,BLA\nb.png,BLA\na.png,LYT\n")
    table = index([tmp_path / "list.csv"])
    assert [error is None for error in table["error"]] == [False, True, False]
    assert "which is labelled LYT" in table["error"][0]
    assert table["cell_id"].n_unique() == 3


def test_folders_and_lists_with_impossible_names_give_rows(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/data/na\xefve"
    os.makedirs(folder)
    good = write_image(tmp_path / "data/BLA/a.png", 1)
    with open(folder + b"/b.png", "wb") as stream:
        stream.write(good.read_bytes())
    table = index([tmp_path / "data"])
    assert table["label"].to_list() == ["BLA", "na\\xefve"]
    assert errors(table) == {"b.png": "file name is not UTF-8; rename the file"}
    (tmp_path / "list.csv").write_bytes(b"path,label\na\x00b.png,BLA\n")
    (error,) = index([tmp_path / "list.csv"])["error"]
    assert "not a path" in error


def test_what_could_not_be_read_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "data/BLA/a.png", 1)
    output = tmp_path / "cells.parquet"

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        assert index([tmp_path / "data"], output)["error"].to_list() == ["Permission denied"]
    assert index([tmp_path / "data"], output)["error"].to_list() == [None]


def test_memory_does_not_grow_with_the_images(tmp_path: Path) -> None:
    for number in range(12):
        write_image(tmp_path / f"BLA/{number}.bmp", number, side=1000)
    tracemalloc.start()
    index([tmp_path], workers=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 15_000_000  # an image is 3 MB as file and as much decoded; all are 36 MB


def test_the_table_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    for number in range(30):
        write_image(tmp_path / f"EOS/{number}.png", number)
    assert index([tmp_path], workers=1).equals(index([tmp_path], workers=4))


def test_unchanged_files_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        write_image(tmp_path / f"data/BLA/{number}.png", number)
    output = tmp_path / "cells.parquet"
    first = index([tmp_path / "data"], output)
    read: list[str] = []
    measure = index_module.measure_file
    monkeypatch.setattr(
        index_module,
        "measure_file",
        lambda path, **how: (read.append(path), measure(path, **how))[1],
    )
    assert index([tmp_path / "data"], output).equals(first)
    assert read == []
    changed = write_image(tmp_path / "data/BLA/3.png", 77, side=30)
    again = index([tmp_path / "data"], output)
    assert read == [str(changed)]
    assert again["width"].to_list() == [24, 24, 24, 30, 24]


def test_a_repeated_file_is_good_again_when_the_other_one_is_gone(tmp_path: Path) -> None:
    first = write_image(tmp_path / "data/BLA/a.png", 1)
    other = tmp_path / "data/LYT/b.png"
    other.parent.mkdir()
    other.write_bytes(first.read_bytes())
    output = tmp_path / "cells.parquet"
    assert index([tmp_path / "data"], output)["error"].null_count() == 0
    other.unlink()
    assert index([tmp_path / "data"], output)["error"].to_list() == [None]


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    for number in range(60):
        write_image(tmp_path / f"data/BLA/{number:03d}.png", number)
    output = tmp_path / "cells.parquet"
    run = subprocess.Popen([sys.executable, slow_index.__file__, tmp_path / "data", output])
    journal = tmp_path / "cells.parquet.partial"
    limit = time.monotonic() + 60
    while len(list(journal.glob("part-*.parquet"))) < 2 and time.monotonic() < limit:
        assert run.poll() is None, "the index ended before it could be killed"
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert not output.exists()
    done = sum(pl.read_parquet(part).height for part in journal.glob("part-*.parquet"))
    assert 20 <= done < 60
    read: list[str] = []
    measure = index_module.measure_file
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            index_module, "measure_file", lambda path: (read.append(path), measure(path))[1]
        )
        table = index([tmp_path / "data"], output)
    assert len(read) == 60 - done
    assert table.equals(index([tmp_path / "data"]))
    assert not journal.exists()


def stained_image(path: Path, seed: int) -> Path:
    """Pixels of two random stain directions in random amounts: an estimate of its own."""
    random = np.random.default_rng(seed)
    vectors = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]]) + random.uniform(0, 0.1, (2, 3))
    density = random.uniform(0, 1.2, (40, 40, 2)) @ vectors
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), (255 * np.exp(-density[..., ::-1])).astype(np.uint8))
    return path


def test_stains_are_those_of_the_images_and_are_estimated_on_request_only(tmp_path: Path) -> None:
    for number in range(4):
        stained_image(tmp_path / f"data/BLA/{number}.png", number)
    (tmp_path / "data/BLA/bad.png").write_bytes(b"no image")
    assert "stain" not in index([tmp_path / "data"]).columns
    table = index([tmp_path / "data"], stains=True)
    assert table.schema["stain"] == SCHEMA["stain"]
    for path, stain in table.filter(pl.col("error").is_null()).select("path", "stain").rows():
        np.testing.assert_array_equal(stain, estimate_stain(read_image(Path(path))))
    assert table.filter(pl.col("error").is_not_null())["stain"].to_list() == [None]
    assert len({tuple(stain) for stain in table["stain"].drop_nulls().to_list()}) == 4


def test_a_second_run_keeps_stains_and_estimates_missing_ones_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        stained_image(tmp_path / f"data/BLA/{number}.png", number)
    output = tmp_path / "cells.parquet"
    first = index([tmp_path / "data"], output, stains=True)
    read: list[str] = []
    measure = index_module.measure_file
    monkeypatch.setattr(
        index_module,
        "measure_file",
        lambda path, **how: (read.append(path), measure(path, **how))[1],
    )
    assert index([tmp_path / "data"], output, stains=True).equals(first)
    assert index([tmp_path / "data"], output).equals(first)
    assert read == []
    changed = str(stained_image(tmp_path / "data/BLA/2.png", 99))
    without = index([tmp_path / "data"], output)
    assert read == [changed]
    assert [stain is None for stain in without["stain"].to_list()] == [False, False, True, False]
    again = index([tmp_path / "data"], output, stains=True)
    assert read == [changed, changed]
    assert again["stain"].null_count() == 0
    assert again["stain"].to_list()[0] == first["stain"].to_list()[0]
    assert again["stain"].to_list()[2] != first["stain"].to_list()[2]


def test_a_table_made_without_stains_gets_them_later(tmp_path: Path) -> None:
    stained_image(tmp_path / "data/BLA/a.png", 1)
    output = tmp_path / "cells.parquet"
    plain = index([tmp_path / "data"], output)
    assert index([tmp_path / "data"], output, stains=True).drop("stain").equals(plain)
    assert read_cells(output)["stain"].null_count() == 0


def test_a_csv_is_refused_for_stains_before_any_work(tmp_path: Path) -> None:
    stained_image(tmp_path / "data/BLA/a.png", 1)
    with pytest.raises(InputError, match=r"cells\.csv: a CSV cannot hold stain vectors"):
        index([tmp_path / "data"], tmp_path / "cells.csv", stains=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_nothing_found_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no image found"):
        index([tmp_path])


def test_an_output_that_is_no_cell_table_is_not_overwritten(tmp_path: Path) -> None:
    write_image(tmp_path / "data/BLA/1.png", 1)
    output = tmp_path / "thesis.parquet"
    output.write_text("precious")
    with pytest.raises(InputError, match=r"thesis\.parquet"):
        index([tmp_path / "data"], output)
    assert output.read_text() == "precious"


def test_the_table_survives_writing_and_reading(tmp_path: Path) -> None:
    write_image(tmp_path / "data/BLA/1.png", 1)
    output = tmp_path / "cells.parquet"
    table = index([tmp_path / "data"], output)
    assert read_cells(output).equals(table)
