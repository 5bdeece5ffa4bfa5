"""Sets of phantom cells: files, list and truth; careful with folders."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marrowscope.cells import read_cells
from marrowscope.dataset.indexing import index
from marrowscope.errors import InputError
from marrowscope.phantom.synthetic_cell import (
    draw_cell,
)
from marrowscope.phantom.synthetic_dataset import (
    _names,
    cell_seed,
    mask_image,
    patient_style,
    write_dataset,
)


def test_the_files_of_a_set_say_synthetic_and_hold_the_truth(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    table = write_dataset(folder, per_class=2, patients=3)
    assert table.height == 42
    assert set(table["annotator"]) == {"synthetic"}
    assert set(table["patient_id"]) == {f"synthetic-0-0{n}" for n in (1, 2, 3)}
    assert "Synthetic" in (folder / "README.txt").read_text()
    assert read_cells(folder / "cells.parquet").equals(table)
    first = table.row(0, named=True)
    drawn = draw_cell(first["label"], cell_seed(0, 1), style=patient_style(0, 1))
    np.testing.assert_array_equal(np.array(first["stain"], np.float32), drawn.stain)
    with Image.open(first["path"]) as image:
        assert "synthetic" in str(image.info["comment"])
        assert np.abs(np.asarray(image).astype(int) - drawn.image).mean() < 4
    with Image.open(first["path"].replace(".jpg", ".mask.png")) as mask:
        assert "synthetic" in str(mask.info["Comment"])
        np.testing.assert_array_equal(np.asarray(mask), mask_image(drawn))


def test_index_understands_a_set_and_its_list(tmp_path: Path) -> None:
    table = write_dataset(tmp_path / "set", per_class=1)
    indexed = index([tmp_path / "set"])
    assert indexed.height == 21  # masks are no cells
    assert indexed["error"].null_count() == 21
    assert dict(indexed.select("path", "sha256").rows()) == dict(
        table.select("path", "sha256").rows()
    )
    (tmp_path / "set").rename(tmp_path / "moved")
    listed = index([tmp_path / "moved/cells.csv"])
    assert listed["error"].null_count() == 21
    for column in ("label", "patient_id", "annotator", "sha256", "cell_id"):
        assert listed[column].to_list() == table[column].to_list()


def test_a_class_of_more_than_a_thousand_is_laid_out_as_in_the_release() -> None:
    names = [name for _, _, name in _names({"NGS": 1001, "EOS": 1})]
    assert names[0] == "NGS/0001-1000/NGS_00001.jpg"
    assert names[1000] == "NGS/1001-1001/NGS_01001.jpg"
    assert names[1001] == "EOS/EOS_00001.jpg"


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    counts = {"BLA": 2, "KSC": 1}
    done: list[int] = []
    one = write_dataset(
        tmp_path / "one", counts, seed=4, advance=lambda count, total: done.append(total)
    )
    two = write_dataset(tmp_path / "two", counts, seed=4)
    other = write_dataset(tmp_path / "other", counts, seed=5)
    assert done == [3, 3, 3]
    assert one["label"].to_list() == ["BLA", "BLA", "KSC"]
    assert one["sha256"].to_list() == two["sha256"].to_list()
    assert not set(one["sha256"]) & set(other["sha256"])


def test_an_earlier_set_is_replaced_and_anything_else_is_left_alone(tmp_path: Path) -> None:
    write_dataset(tmp_path / "set", {"BLA": 2}, masks=False)
    write_dataset(tmp_path / "set", {"LYT": 1}, masks=False)
    assert not (tmp_path / "set/BLA").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="something else"):
        write_dataset(tmp_path / "mine", 1)
    assert (tmp_path / "mine/thesis.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("counts", "message"), [({"XYZ": 1}, "XYZ"), ({"BLA": -1}, "-1 images"), (0, "at least 1")]
)
def test_counts_that_make_no_set_are_refused(
    tmp_path: Path, counts: int | dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        write_dataset(tmp_path / "set", counts)
    assert not (tmp_path / "set").exists()
