"""Tiles put together are the picture, at every level."""

from pathlib import Path

import numpy as np
import pytest

from marrowscope.io.image_decoding import decode
from marrowscope.io.image_encoding import encode_png
from marrowscope.preprocessing import resize
from marrowscope.review.pictures.tile_pyramid import (
    OVERLAP,
    TILE,
    picture_size,
    read_rectangle,
    read_tile,
)
from marrowscope.review.refusals import NotFoundError
from marrowscope.slides.placed_pictures import placed_picture
from support.smears import piece, write_slide

PIXEL = 0.08625
WIDTH, HEIGHT = 700, 300


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Slow waves, which JPEG keeps."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    waves = [
        128 + 100 * np.sin(x / 90),
        128 + 100 * np.cos(y / 70),
        128 + 60 * np.sin((x + y) / 80),
    ]
    path = tmp_path_factory.mktemp("fields") / "field.png"
    path.write_bytes(encode_png(np.stack(waves, axis=2).astype(np.uint8)))
    return str(path)


def put_together(path: str, level: int, width: int, height: int) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    for row in range(-(-height // TILE)):
        for column in range(-(-width // TILE)):
            tile = decode(read_tile(path, PIXEL, level, column, row))
            left, upper = max(0, column * TILE - OVERLAP), max(0, row * TILE - OVERLAP)
            right = min(width, (column + 1) * TILE + OVERLAP)
            lower = min(height, (row + 1) * TILE + OVERLAP)
            assert tile.shape[:2] == (lower - upper, right - left)
            image[upper:lower, left:right] = tile
    return image


@pytest.mark.parametrize(("level", "width", "height"), [(10, 700, 300), (9, 350, 150), (0, 1, 1)])
def test_tiles_put_together_are_the_picture(
    field: str, level: int, width: int, height: int
) -> None:
    whole = np.asarray(placed_picture(field, PIXEL).pixels)
    found = put_together(field, level, width, height).astype(int)
    if level:
        assert np.abs(found - resize(whole, height, width)).mean() < 2
    assert picture_size(field, PIXEL) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("place", [(11, 0, 0), (10, 3, 0), (10, 0, 2), (-1, 0, 0)])
def test_there_are_no_tiles_beyond(field: str, place: tuple[int, int, int]) -> None:
    with pytest.raises(NotFoundError):
        read_tile(field, PIXEL, *place)


def test_what_lies_outside_is_white(field: str) -> None:
    found = read_rectangle(placed_picture(field, PIXEL), -10, -10, 20, 20, 1)
    assert (found[:10] == 255).all()
    assert (found[:, :10] == 255).all()
    assert (found[10:, 10:] == np.asarray(placed_picture(field, PIXEL).pixels)[:10, :10]).all()


def test_tiles_of_a_slide_are_its_pixels(tmp_path: Path) -> None:
    pixels = piece(1, 700)
    path = str(write_slide(tmp_path / "slide.tif", pixels))
    width, height = picture_size(path, PIXEL)
    top = int(np.ceil(np.log2(max(width, height))))
    tile = decode(read_tile(path, PIXEL, top, 0, 0)).astype(int)
    own = read_rectangle(placed_picture(path, PIXEL), 0, 0, tile.shape[1], tile.shape[0], 1)
    assert np.abs(tile - own).mean() < 6
