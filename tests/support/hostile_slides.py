"""Small slides of every kind, and the same with damage that somebody with bad intent would do.

Mutation ``number`` of a kind is always the same bytes.
"""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import tifffile

from marrowscope.errors import InputError
from marrowscope.io.image_encoding import encode_jpeg, encode_png
from marrowscope.slides.open_slide import open_slide
from marrowscope.slides.slide import read_overview
from support.dicom import write_level
from support.slide_files import noise, write_jpeg_tiles, write_ome, write_pyramid

IMAGE = cv2.GaussianBlur(noise(150, 200), (0, 0), 3)
_APERIO = "Aperio Image Library v12\r\n200x150 (64x64) |AppMag = 40|MPP = 0.25"
_SIZE = {"resolution": (40_000, 40_000), "resolutionunit": "CENTIMETER"}


def _aperio(path: Path) -> Path:
    with tifffile.TiffWriter(path) as writer:
        for image in (IMAGE, IMAGE[::2, ::2]):
            writer.write(
                image, photometric="rgb", tile=(64, 64), metadata=None, description=_APERIO
            )
    return path


def _pages(path: Path) -> Path:
    with tifffile.TiffWriter(path) as writer:
        for image in (IMAGE, IMAGE[:60, :90], IMAGE[:40, :40]):
            writer.write(image, photometric="rgb", metadata=None, rowsperstrip=16, **_SIZE)
    return path


def _big(path: Path) -> Path:
    options = {"photometric": "rgb", "tile": (64, 64), "metadata": None, **_SIZE}
    with tifffile.TiffWriter(path, bigtiff=True, byteorder=">") as writer:
        writer.write(IMAGE.astype(np.uint16) * 257, subifds=1, compression="zlib", **options)
        writer.write(IMAGE[::2, ::2], subfiletype=1, **options)
    return path


def _written(encode: Callable[[np.ndarray], bytes]) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(encode(IMAGE))
        return path

    return write


KINDS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "tiles": ("a.tif", lambda path: write_pyramid(path, IMAGE)),
    "strips": ("a.tif", lambda path: write_pyramid(path, IMAGE, tile=None, rowsperstrip=32)),
    "ome": ("a.ome.tif", lambda path: write_ome(path, IMAGE)),
    "aperio": ("a.svs", _aperio),
    "pages": ("a.tif", _pages),
    "bigtiff": ("a.tif", _big),
    "jpeg tiles": ("a.tif", lambda path: write_jpeg_tiles(path, IMAGE[:128, :192], ome=False)),
    "dicom": ("a.dcm", lambda path: write_level(path, IMAGE, 0)),
    "png": ("a.png", _written(encode_png)),
    "jpeg": ("a.jpg", _written(encode_jpeg)),
}
_NUMBERS = (0, 1, 2, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**40, 2**63 - 1)


def mutated(data: bytes, number: int) -> bytes:
    """One of endlessly many ways to damage a file; the same for the same number."""
    random = np.random.default_rng(number)
    broken = bytearray(data)
    places = _directory_entries(data)
    for _ in range(int(random.integers(1, 5))):
        if len(broken) < 2:  # all that is left of a file that was cut off
            break
        way = int(random.integers(6)) if places else int(random.integers(3, 6))
        if way < 3:
            _change_entry(broken, places[int(random.integers(len(places)))], way, random)
        elif way == 3:  # any bytes, more of them where the facts are
            near = int(random.choice([0, len(broken)]))
            for _ in range(int(random.integers(1, 6))):
                place = abs(near - int(random.integers(min(1500, len(broken)))) - (near > 0))
                broken[min(place, len(broken) - 1)] = int(random.integers(256))
        elif way == 4 and random.random() < 0.3:
            del broken[int(random.integers(1, len(broken))) :]
            places = []
        else:  # a piece copied over another
            length = int(random.integers(1, min(64, len(broken))))
            start, end = random.integers(0, len(broken) - length + 1, 2)
            broken[end : end + length] = broken[start : start + length]
    return bytes(broken)


def _directory_entries(data: bytes) -> list[tuple[int, str, bool]]:
    """Where the entries of the directories of a TIFF lie, the byte order, and whether it is big."""
    if data[:2] not in (b"II", b"MM"):
        return []
    order, big = "<" if data[:2] == b"II" else ">", data[2:4] in (b"+\0", b"\0+")
    word, head, size = (order + "Q", order + "Q", 20) if big else (order + "I", order + "H", 12)
    found, seen = [], set()
    (place,) = struct.unpack_from(word, data, 8 if big else 4)
    while place and place not in seen:
        seen.add(place)
        (count,) = struct.unpack_from(head, data, place)
        start = place + struct.calcsize(head)
        found += [(start + size * index, order, big) for index in range(count + 1)]
        (place,) = struct.unpack_from(word, data, start + size * count)
    return found


def _change_entry(
    data: bytearray, entry: tuple[int, str, bool], way: int, random: np.random.Generator
) -> None:
    place, order, big = entry
    number = int(random.choice(np.array(_NUMBERS, np.uint64)))
    width = 8 if big else 4
    value = (number % 256**width).to_bytes(width, "little" if order == "<" else "big")
    if way == 0:  # its type
        data[place + 2 : place + 4] = struct.pack(order + "H", int(random.integers(0, 20)))
    elif way == 1:  # how many values it has
        data[place + 4 : place + 4 + width] = value
    else:  # its value, or where the values are: a directory that points to itself, too
        if random.random() < 0.3:
            value = int(place).to_bytes(width, "little" if order == "<" else "big")
        data[place + 4 + width : place + 4 + 2 * width] = value


def look_at(path: Path) -> str:
    """Open a slide and read of it what a count would; what came of it, in a word."""
    try:
        slide = open_slide(path, 0.25)
    except InputError as error:
        if "\n" in str(error):
            raise AssertionError("more than a line") from error
        return "refused"
    for level, facts in enumerate(slide.levels):
        width, height = min(facts.width, 512), min(facts.height, 512)
        slide.read_region(0, 0, width, height, level)
        slide.read_region(facts.width - width, facts.height - height, width, height, level)
    read_overview(slide, max(2.0, max(slide.size) * 0.25 / 4000))
    return "damaged" if slide.corrupt else "read"


def numbered(kinds: list[str], numbers: range) -> Iterator[tuple[str, int]]:
    """Kinds in turn, with the numbers of mutations."""
    yield from ((kinds[number % len(kinds)], number) for number in numbers)
