"""DICOM whole slides: read from a file or its folder, cut off, and what only looks like one."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.slides.open_slide import open_slide
from support.dicom import write_level
from support.slide_files import noise


def smooth() -> NDArray[np.uint8]:
    blurred = cv2.GaussianBlur(noise(300, 420), (0, 0), 8).astype(int)
    return np.clip((blurred - 127) * 4 + 127, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("whole_folder", [False, True])
def test_a_slide_is_read_from_one_of_its_files_or_its_folder(
    whole_folder: bool, tmp_path: Path
) -> None:
    image = smooth()
    first = write_level(tmp_path / "a.dcm", image, 0)
    write_level(tmp_path / "b.dcm", image[::2, ::2], 1)
    slide = open_slide(tmp_path if whole_folder else first)
    assert slide.microns_per_pixel == pytest.approx(0.25)
    assert [(level.width, level.height) for level in slide.levels] == [(420, 300), (210, 150)]
    region = slide.read_region(-20, 40, 300, 200)
    assert (region[:, :20] == 255).all()
    assert np.abs(region[:, 20:].astype(int) - image[40:240, :280]).mean() < 2  # it is JPEG


def test_a_folder_of_two_slides_asks_for_one(tmp_path: Path) -> None:
    write_level(tmp_path / "a.dcm", smooth(), 0, "1.2.3")
    write_level(tmp_path / "b.dcm", smooth(), 0, "1.2.4")
    with pytest.raises(InputError, match="holds 2 slides"):
        open_slide(tmp_path)


def test_a_file_cut_in_half_gives_what_is_left_and_counts_the_rest(tmp_path: Path) -> None:
    path = write_level(tmp_path / "a.dcm", smooth(), 0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    slide = open_slide(path)
    region = slide.read_region(0, 0, 420, 300)
    assert 3 <= len(slide.corrupt) <= 11
    assert (region[:100, :100] != 255).any()


def test_what_only_begins_like_dicom_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM" + bytes(50))
    for path in (tmp_path / "a.dcm", tmp_path):
        with pytest.raises(InputError, match="DICOM"):
            open_slide(path)
