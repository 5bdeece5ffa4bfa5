"""What a path is, is told by what lies there."""

from pathlib import Path

import numpy as np
import pytest

from marrowscope.errors import InputError
from marrowscope.io.image_encoding import encode_png
from marrowscope.review.sources.smear_record import SmearRecord
from marrowscope.review.sources.source_choice import Uncounted, choose_source, holds_crops
from support.review_smears import cells


def images(folder: Path, side: int, number: int = 2) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for row in range(number):
        shade = np.full((side, side, 3), row, np.uint8)
        (folder / f"{row}.png").write_bytes(encode_png(shade))
    return folder


def kind(path: Path) -> str:
    (found,) = choose_source(path)
    assert isinstance(found, Uncounted)
    return found.kind


def test_small_images_are_crops_and_large_ones_fields(tmp_path: Path) -> None:
    assert kind(images(tmp_path / "crops", 250)) == "crops"
    assert kind(images(tmp_path / "fields", 900)) == "fields"
    images(tmp_path / "classes" / "BLA", 250)
    assert kind(tmp_path / "classes") == "crops"
    assert kind(tmp_path / "fields" / "0.png") == "fields"


def test_other_files_among_images_do_not_matter(tmp_path: Path) -> None:
    folder = images(tmp_path / "crops", 250)
    (folder / "0 notes.txt").write_text("notes")
    assert holds_crops(folder)


def test_a_table_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    cells(6, tmp_path).write_csv(path)
    (found,) = choose_source(path)
    assert isinstance(found, SmearRecord)
    assert found.cells.height == 6


def test_a_source_that_changed_is_another_one(tmp_path: Path) -> None:
    folder = images(tmp_path / "crops", 250)
    (before,) = choose_source(folder)
    images(folder, 250, 3)
    (after,) = choose_source(folder)
    assert before.content != after.content


def test_nothing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        choose_source(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        choose_source(tmp_path / "empty")
