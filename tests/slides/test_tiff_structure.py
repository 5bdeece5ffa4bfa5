"""What a TIFF says of itself is compared with the file before it is believed."""

from pathlib import Path

import numpy as np
import pytest

from marrowscope.errors import InputError
from marrowscope.io.tiff_tags import BITS, PROFILE
from marrowscope.slides.tiff_structure import read_directories
from support.hostile_slides import KINDS, mutated
from support.slide_files import noise, write_ome, write_pyramid
from support.small_tiff import Entry, changed, small_tiff

IMAGE = noise(200, 300)


def written(path: Path, *entries: Entry, following: int = 0) -> Path:
    path.write_bytes(small_tiff(*entries, following=following))
    return path


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
    path = written(tmp_path / "a.tif", *changed(**facts))
    with pytest.raises(InputError, match=reason) as caught:
        read_directories(path)
    assert str(path) in str(caught.value)


def test_directories_that_go_round_are_visited_once(tmp_path: Path) -> None:
    found = read_directories(written(tmp_path / "a.tif", *changed(), following=8))
    assert len(found.directories) == 1
    assert "circle" in str(found.fault)
    below = read_directories(written(tmp_path / "b.tif", *changed(), (330, 4, 1, 50)))
    assert below.directories
    with pytest.raises(InputError, match="circle"):
        read_directories(written(tmp_path / "c.tif", *changed(), (330, 4, 1, 8)))


def test_a_later_directory_that_is_damaged_leaves_the_first(tmp_path: Path) -> None:
    found = read_directories(written(tmp_path / "a.tif", *changed(), following=10**6))
    assert [one.width for one in found.directories] == [20]
    assert "beyond the end" in str(found.fault)


def test_an_only_strip_need_not_say_how_long_it_is(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", *changed(t279=None, t278=None))
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


def test_a_long_colour_profile_is_known_and_not_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", *changed(), (PROFILE, 7, 1001, 100))
    (one,) = read_directories(path).directories
    assert PROFILE in one.values
    assert one.raw(PROFILE) == b""


def test_pyramids_have_their_levels_where_their_writers_put_them(tmp_path: Path) -> None:
    pages = read_directories(write_pyramid(tmp_path / "a.tif", IMAGE, 3)).directories
    assert [one.width for one in pages] == [300, 150, 75]
    (ome,) = read_directories(write_ome(tmp_path / "a.ome.tif", IMAGE)).directories
    assert [one.width for one in ome.children] == [150]
    assert np.array_equal(ome.numbers(BITS), [8, 8, 8])
