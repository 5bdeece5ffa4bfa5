"""What a TIFF says of itself is compared with the file before it is believed."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from marrowscope.errors import InputError
from marrowscope.slides import tiff_structure as tiff
from marrowscope.slides.tiff_structure import read_directories
from support.hostile_slides import KINDS, mutated
from support.slide_files import noise, write_ome, write_pyramid

IMAGE = noise(200, 300)


def small_tiff(path: Path, *entries: tuple[int, int, int, int], following: int = 0) -> Path:
    """A classic little-endian TIFF of one directory at byte 8: tag, type, count, value."""
    table = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries))
    path.write_bytes(head + table + struct.pack("<I", following) + bytes(1000))
    return path


# 20×10 px in one strip of 600 bytes at byte 150: sound.
SOUND = {
    256: (4, 1, 20),
    257: (4, 1, 10),
    258: (3, 1, 8),
    277: (3, 1, 3),
    273: (4, 1, 150),
    278: (4, 1, 10),
    279: (4, 1, 600),
}


def changed(**facts: tuple[int, int, int] | None) -> list[tuple[int, int, int, int]]:
    entries = {**SOUND, **{int(tag[1:]): fact for tag, fact in facts.items()}}
    return [(tag, *fact) for tag, fact in entries.items() if fact is not None]


def test_facts_of_a_directory_are_read(tmp_path: Path) -> None:
    (one,) = read_directories(small_tiff(tmp_path / "a.tif", *changed())).directories
    assert (one.width, one.height, one.samples, one.bits) == (20, 10, 3, (8,))
    assert (one.tiled, one.piece, one.planes) == (False, (20, 10), 1)
    assert (one.offsets.tolist(), one.lengths.tolist()) == ([150], [600])


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}])
def test_what_is_read_is_what_tifffile_reads(options: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, **options) as writer:
        writer.write(IMAGE, tile=(64, 64), subifds=1, description="two levels", metadata=None)
        writer.write(IMAGE[::2, ::2], tile=(64, 64), subfiletype=1, metadata=None)
        writer.write(IMAGE[:9], rowsperstrip=4, resolution=(7, 9), metadata=None)
    found = read_directories(path).directories
    with tifffile.TiffFile(path) as other:
        pages = list(other.pages)
        child = pages[0].pages[0]
        assert len(found) == len(pages) == 2
        for ours, page in (
            (found[0], pages[0]),
            (found[0].children[0], child),
            (found[1], pages[1]),
        ):
            assert (ours.width, ours.height) == (page.imagewidth, page.imagelength)
            assert ours.offsets.tolist() == list(page.dataoffsets)
            assert ours.lengths.tolist() == list(page.databytecounts)
            assert ours.bits == (8, 8, 8)
    assert found[0].description == "two levels"
    assert found[1].ratio(tiff.X_RESOLUTION) == pytest.approx(7)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"t256": (4, 1, 0)}, "0×10 px"),
        ({"t256": (4, 1, 2**31)}, "cannot lie in"),
        ({"t279": (4, 1, 2**30)}, "longer than the file"),
        ({"t273": (4, 5000, 150)}, "beyond the end"),
        ({"t273": (2, 4, 150)}, "lists 0 of 1"),  # text in the place of numbers
        ({"t278": (4, 1, 1)}, "lists 1 of 10"),
        ({"t273": None}, "lists 0 of 1"),
        ({"t322": (4, 1, 0), "t323": (4, 1, 0)}, "no size of tiles"),
        ({"t277": (4, 1, 2**20)}, "values per pixel"),
        ({"t270": (2, 2**31, 8)}, "beyond the end"),
    ],
)
def test_a_first_directory_that_cannot_be_is_refused(
    facts: dict[str, tuple[int, int, int] | None], reason: str, tmp_path: Path
) -> None:
    path = small_tiff(tmp_path / "a.tif", *changed(**facts))
    with pytest.raises(InputError, match=reason) as caught:
        read_directories(path)
    assert str(path) in str(caught.value)


def test_directories_that_go_round_are_visited_once(tmp_path: Path) -> None:
    found = read_directories(small_tiff(tmp_path / "a.tif", *changed(), following=8))
    assert len(found.directories) == 1
    assert "circle" in str(found.fault)
    below = read_directories(small_tiff(tmp_path / "b.tif", *changed(), (330, 4, 1, 50)))
    assert below.directories
    with pytest.raises(InputError, match="circle"):
        read_directories(small_tiff(tmp_path / "c.tif", *changed(), (330, 4, 1, 8)))


def test_a_later_directory_that_is_damaged_leaves_the_first(tmp_path: Path) -> None:
    found = read_directories(small_tiff(tmp_path / "a.tif", *changed(), following=10**6))
    assert [one.width for one in found.directories] == [20]
    assert "beyond the end" in str(found.fault)


def test_private_tags_that_nobody_reads_may_be_broken(tmp_path: Path) -> None:
    path = small_tiff(tmp_path / "a.tif", *changed(), (50_000, 7, 2**31, 2**31), (50_001, 99, 1, 1))
    assert read_directories(path).directories[0].width == 20


def test_an_only_strip_need_not_say_how_long_it_is(tmp_path: Path) -> None:
    path = small_tiff(tmp_path / "a.tif", *changed(t279=None, t278=None))
    assert read_directories(path).directories[0].piece == (20, 10)


@pytest.mark.parametrize("kind", ["tiles", "ome", "bigtiff", "pages"])
def test_any_mutation_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    name, write = KINDS[kind]
    whole, path = write(tmp_path / name).read_bytes(), tmp_path / "broken.tif"
    refused = 0
    for number in range(150):
        path.write_bytes(mutated(whole, number))
        try:
            read_directories(path)
        except InputError:
            refused += 1
    assert 0 < refused < 150


def test_pyramids_have_their_levels_where_their_writers_put_them(tmp_path: Path) -> None:
    pages = read_directories(write_pyramid(tmp_path / "a.tif", IMAGE, 3)).directories
    assert [one.width for one in pages] == [300, 150, 75]
    (ome,) = read_directories(write_ome(tmp_path / "a.ome.tif", IMAGE)).directories
    assert [one.width for one in ome.children] == [150]
    assert np.array_equal(ome.numbers(tiff.BITS), [8, 8, 8])
