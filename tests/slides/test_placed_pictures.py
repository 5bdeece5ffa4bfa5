"""A picture is opened once for all of its cells."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from marrowscope.cell_pixels import CellImage, read_cell
from marrowscope.io.image_encoding import encode_png
from marrowscope.io.image_file import ImageError
from marrowscope.slides import placed_pictures
from marrowscope.slides.placed_pictures import placed_picture
from support.slide_files import noise, write_pyramid

MICRONS = 0.08625


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what is decoded from now on."""
    names: list[str] = []
    real = placed_pictures.decode_noted
    monkeypatch.setattr(
        placed_pictures,
        "decode_noted",
        lambda data, name: (names.append(name), real(data, name))[1],
    )
    monkeypatch.setattr(placed_pictures, "_shelf", placed_pictures._Shelf())
    return names


def write(path: Path, seed: int = 0) -> str:
    path.write_bytes(encode_png(noise(300, 400, seed)))
    return str(path)


def test_many_cells_of_a_field_decode_it_once_whatever_the_threads(
    tmp_path: Path, decoded: list[str]
) -> None:
    path = write(tmp_path / "field.png")
    cells = [CellImage(path, None, (float(x), 150.0)) for x in range(200)]
    with ThreadPoolExecutor(8) as pool:
        crops = list(pool.map(read_cell, cells))
    assert decoded == [path]
    assert not np.array_equal(crops[0], crops[199])


def test_a_changed_file_is_read_again(tmp_path: Path, decoded: list[str]) -> None:
    path = write(tmp_path / "field.png")
    before = placed_picture(path, MICRONS)
    write(tmp_path / "field.png", seed=1)
    os.utime(path, ns=(1, 1))
    after = placed_picture(path, MICRONS)
    assert before.digest != after.digest
    assert len(decoded) == 2


def test_no_more_is_kept_than_fits(
    tmp_path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placed_pictures, "KEPT_BYTES", 2 * 300 * 400 * 3)
    paths = [write(tmp_path / f"{number}.png", number) for number in range(3)]
    for path in (*paths, paths[2], paths[1]):
        placed_picture(path, MICRONS)
    assert decoded == paths
    placed_picture(paths[0], MICRONS)
    assert decoded == [*paths, paths[0]]


def test_a_damaged_field_is_told_for_every_cell_and_tried_again(
    tmp_path: Path, decoded: list[str]
) -> None:
    path = tmp_path / "field.png"
    path.write_bytes(encode_png(noise(300, 400))[:2000])
    for _ in range(2):
        with pytest.raises(ImageError, match=r"field\.png: .*truncated"):
            placed_picture(str(path), MICRONS)
    assert len(decoded) == 2
    with pytest.raises(ImageError, match="no such file"):
        placed_picture(str(tmp_path / "none.png"), MICRONS)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ImageError, match="holds no field images"):
        placed_picture(str(tmp_path / "folder"), MICRONS)


def test_a_field_in_tiles_is_the_same_as_in_a_png(tmp_path: Path) -> None:
    image = noise(300, 400)
    path = write_pyramid(tmp_path / "field.tif", image, 1)
    found = placed_picture(str(path), MICRONS)
    np.testing.assert_array_equal(found.pixels, image)
