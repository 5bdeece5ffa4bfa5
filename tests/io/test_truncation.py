"""Bytes that are not there, seen from the headers of BMP, TIFF and WebP."""

import io
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from marrowscope.io import image_decoding, image_inspection
from marrowscope.io.image_file import ImageError
from marrowscope.io.truncation import find_missing_bytes, is_later_page_truncated

NOISE = np.random.default_rng(0).integers(0, 256, (33, 31, 3), dtype=np.uint8)


def encoded(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(NOISE).save(stream, kind, **options)
    return stream.getvalue()


def tiff(parts: list[bytes], order: str = "<", big: bool = False, **more: int) -> bytes:
    """An uncompressed TIFF of ``NOISE``, written by hand: directory, places of parts, parts."""
    tiles = "tile" in more
    tags: dict[int, list[int]] = {256: [31], 257: [33], 258: [8, 8, 8], 259: [1], 262: [2]}
    tags |= {324: [], 322: [more["tile"]], 323: [more["tile"]], 325: []} if tiles else {
        273: [], 278: [more.get("rows", 33)], 279: []
    }  # fmt: skip
    tags |= {277: [3], 284: [more.get("planar", 1)]}
    starts, counts = (324, 325) if tiles else (273, 279)
    tags[starts] = tags[counts] = [0] * len(parts)
    word, head, entry = (8, "Q", "HHQ") if big else (4, "H", "HHI")
    first = 16 if big else 8
    room = first + struct.calcsize("<" + head) + len(tags) * (4 + 2 * word) + word
    values_at = {}
    for tag, values in tags.items():
        if 4 * len(values) > word:
            values_at[tag] = room
            room += 4 * len(values)
    tags[starts] = [room + sum(map(len, parts[:k])) for k in range(len(parts))]
    tags[counts] = [len(part) for part in parts]
    mark = b"II" if order == "<" else b"MM"
    pack = struct.pack
    out = mark + (pack(order + "HHHQ", 43, 8, 0, 16) if big else pack(order + "HI", 42, 8))
    out += pack(order + head, len(tags))
    for tag, values in sorted(tags.items()):
        content = pack(f"{order}{len(values)}I", *values)
        if tag in values_at:
            content = pack(order + ("Q" if big else "I"), values_at[tag])
        out += pack(order + entry, tag, 4, len(values)) + content.ljust(word, b"\0")
    out += bytes(word)
    for tag in values_at:  # in the order in which they got their places
        out += pack(f"{order}{len(tags[tag])}I", *tags[tag])
    return out + b"".join(parts)


STRIPS = [NOISE[row : row + 5].tobytes() for row in range(0, 33, 5)]
PLANES = [NOISE[..., channel].tobytes() for channel in range(3)]
PADDED = np.pad(NOISE, ((0, 15), (0, 1), (0, 0)))
TILES = [
    PADDED[row : row + 16, column : column + 16].tobytes()
    for row in range(0, 48, 16)
    for column in range(0, 32, 16)
]
WHOLE = {
    "BMP": encoded("BMP"),
    "TIFF": encoded("TIFF"),
    "TIFF, strips": tiff(STRIPS, rows=5),
    "TIFF, planes": tiff(PLANES, planar=2),
    "TIFF, tiles": tiff(TILES, tile=16),
    "TIFF, big-endian": tiff(STRIPS, order=">", rows=5),
    "BigTIFF": tiff(STRIPS, big=True, rows=5),
    "TIFF, LZW": encoded("TIFF", compression="tiff_lzw"),
    "WebP": encoded("WEBP"),
    "WebP, lossless": encoded("WEBP", lossless=True),
    "WebP, animated": encoded("WEBP", save_all=True, append_images=[Image.fromarray(255 - NOISE)]),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_files_lack_nothing_and_any_cut_is_noticed(kind: str) -> None:
    data = WHOLE[kind]
    assert find_missing_bytes(data) is None
    if "animated" in kind:
        with pytest.raises(ImageError, match="an animation of 2 pictures"):
            image_inspection.inspect(data)
    else:
        image_inspection.inspect(data)
    if "TIFF" in kind:  # the files written here are what they are meant to be
        np.testing.assert_array_equal(image_decoding.decode(data), NOISE)
    for length in sorted({1, 2, 3, 4, 5, 6, 7, 40, 300, len(data) // 2, len(data) - 20}):
        with pytest.raises(ImageError, match="truncated"):
            image_inspection.inspect(data[:-length])


def test_what_other_programs_write_is_whole() -> None:
    _, plain = cv2.imencode(".tif", NOISE, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    _, packed = cv2.imencode(".tif", NOISE)
    _, bitmap = cv2.imencode(".bmp", NOISE)
    for data in map(bytes, (plain, packed, bitmap)):
        assert find_missing_bytes(data) is None
        assert find_missing_bytes(data + b"something behind") is None
        assert image_inspection.inspect(data).note is None


def test_a_bitmap_that_does_not_say_its_length_is_taken_as_it_is() -> None:
    data = WHOLE["BMP"]
    assert find_missing_bytes(data[:2] + bytes(4) + data[6:]) is None


def test_one_lost_byte_of_padding_is_said_in_numbers() -> None:
    data = WHOLE["BMP"]
    with pytest.raises(ImageError, match=rf"says {len(data)} bytes, the file has {len(data) - 1}"):
        image_inspection.inspect(data[:-1])


def with_tag(data: bytes, tag: int, change: int) -> bytes:
    """A little-endian classic TIFF in which the first value of a tag is moved."""
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    changed = bytearray(data)
    for entry in range(place + 2, place + 2 + 12 * count, 12):
        found, kind, length = struct.unpack_from("<HHI", data, entry)
        if found == tag:
            code = {3: "<H", 4: "<I"}[kind]
            value = entry + 8
            if length * struct.calcsize(code) > 4:
                (value,) = struct.unpack_from("<I", data, value)
            (before,) = struct.unpack_from(code, data, value)
            struct.pack_into(code, changed, value, before + change)
            return bytes(changed)
    raise AssertionError(f"no tag {tag}")


def test_a_strip_that_points_elsewhere_is_noticed_though_every_byte_is_there() -> None:
    data = WHOLE["TIFF, strips"]
    with pytest.raises(ImageError, match="truncated: pixels lie up to byte"):
        image_inspection.inspect(with_tag(data, 273, 100_000))
    with pytest.raises(ImageError, match="on top of each other"):
        image_inspection.inspect(with_tag(data, 273, 50))
    with pytest.raises(ImageError, match="need more bytes"):
        image_inspection.inspect(with_tag(data, 279, -7))


def test_a_cut_in_a_later_page_is_noted_and_the_first_page_stays_usable() -> None:
    pages = [Image.fromarray(NOISE), Image.fromarray(255 - NOISE[:16, :15])]
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    data = stream.getvalue()
    assert not is_later_page_truncated(data)
    cut = data[:-500]
    assert find_missing_bytes(cut) is None
    assert "a later page is truncated" in str(image_inspection.inspect(cut).note)
    np.testing.assert_array_equal(image_decoding.decode(cut), NOISE)


def test_directories_that_go_in_a_circle_come_to_an_end() -> None:
    data = bytearray(WHOLE["TIFF"])
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    struct.pack_into("<I", data, place + 2 + 12 * count, place)
    assert not is_later_page_truncated(bytes(data))


@given(
    st.sampled_from([b"BM", b"RIFF1234WEBP", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b""]),
    st.binary(max_size=300),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_get_an_answer(start: bytes, data: bytes) -> None:
    for found in (find_missing_bytes(start + data), find_missing_bytes(data)):
        assert found is None or "\n" not in found
    is_later_page_truncated(start + data)


@given(st.sampled_from(sorted(WHOLE)), st.integers(0, 10_000), st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_a_wrong_byte_in_a_header_gets_an_answer(kind: str, place: int, value: int) -> None:
    data = bytearray(WHOLE[kind])
    data[place % len(data)] = value
    find_missing_bytes(bytes(data))
    is_later_page_truncated(bytes(data))
