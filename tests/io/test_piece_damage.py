"""Damage in strips and tiles that decoders pass over."""

import io
import zlib

import numpy as np
import pytest
import tifffile

from marrowscope.io.image_encoding import encode_jpeg
from marrowscope.io.image_file import ImageError
from marrowscope.io.image_inspection import inspect
from marrowscope.io.piece_damage import damage_of_piece, is_nearly_all_zero
from marrowscope.io.tiff_compressions import DEFLATE, JPEG, LZW

PICTURE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def with_hole(data: bytes, start: int, length: int = 200) -> bytes:
    return data[:start] + bytes(length) + data[start + length :]


def test_a_hole_in_a_jpeg_is_seen_and_a_sound_one_passes() -> None:
    data = encode_jpeg(PICTURE, 90)
    assert damage_of_piece(data, JPEG) is None
    assert "damaged JPEG" in str(damage_of_piece(with_hole(data, 1500), JPEG))
    assert "damaged JPEG" in str(damage_of_piece(data[:2000], JPEG))


def test_tables_that_all_pieces_share_are_put_in_front() -> None:
    stream = io.BytesIO()
    tifffile.imwrite(stream, PICTURE, photometric="ycbcr", compression="jpeg", tile=(32, 32))
    with tifffile.TiffFile(io.BytesIO(stream.getvalue())) as tiff:
        page = tiff.pages[0]
        start, length = page.dataoffsets[1], page.databytecounts[1]
        tables = page.jpegtables or b""
    piece = stream.getvalue()[start : start + length]
    assert damage_of_piece(piece, JPEG, tables) is None
    assert damage_of_piece(with_hole(piece, length // 2, 100), JPEG, tables) is not None


def test_the_checksum_of_deflated_data_is_read() -> None:
    data = zlib.compress(PICTURE.tobytes())
    assert damage_of_piece(data, DEFLATE[0]) is None
    assert "incorrect data check" in str(damage_of_piece(data[:-1] + b"?", DEFLATE[0]))
    assert "end too early" in str(damage_of_piece(data[:-4], DEFLATE[1]))


def test_others_are_left_to_their_decoders() -> None:
    assert damage_of_piece(b"anything", LZW) is None


def test_nearly_all_zero_is_less_than_a_hundredth_of_anything_else() -> None:
    assert is_nearly_all_zero(bytes(1000))
    assert is_nearly_all_zero(b"12345678" + bytes(992))
    assert not is_nearly_all_zero(b"1" * 10 + bytes(990))
    assert not is_nearly_all_zero(b"")


@pytest.mark.parametrize("compression", ["jpeg", "zlib"])
@pytest.mark.parametrize("tile", [None, (32, 32)])
def test_the_index_refuses_such_tiffs(compression: str, tile: tuple[int, int] | None) -> None:
    stream = io.BytesIO()
    tifffile.imwrite(stream, PICTURE, photometric="rgb", compression=compression, tile=tile)
    data = stream.getvalue()
    assert inspect(data).width == 64
    with tifffile.TiffFile(io.BytesIO(stream.getvalue())) as tiff:
        start, length = tiff.pages[0].dataoffsets[0], tiff.pages[0].databytecounts[0]
    with pytest.raises(ImageError, match="damaged"):
        inspect(with_hole(data, start + length // 2, min(200, length // 3)))
