"""Which TIFFs in tiles are left to OpenSlide; what it shows of each is in the decoding matrix."""

import struct

import pytest

from marrowscope.io.tiff_directory import TiffDirectory
from marrowscope.slides.generic_tiff import needs_conversion, openslide_shows

SHORT = 3
USUAL = {256: 64, 257: 64, 259: 5, 262: 2, 277: 3, 284: 1, 322: 32, 323: 32}


def directory(**tags: int) -> TiffDirectory:
    """RGB in tiles of 32 px packed with LZW, but for what is said."""
    values = USUAL | {int(tag.removeprefix("tag_")): value for tag, value in tags.items()}
    return TiffDirectory(
        {tag: (SHORT, struct.pack("<H", value)) for tag, value in values.items()}, "<"
    )


def test_colours_with_as_many_values_as_they_have_are_left_to_it() -> None:
    for colour, samples in ((0, 1), (1, 1), (2, 3), (6, 3), (5, 4)):
        one = directory(tag_262=colour, tag_277=samples)
        assert openslide_shows(one, one)
    transparent = directory(tag_277=4, tag_338=2)
    assert openslide_shows(transparent, transparent)


@pytest.mark.parametrize(
    ("what", "tags"),
    [
        ("three values called grey", {"tag_262": 1}),
        ("a fourth value of unknown meaning", {"tag_277": 4, "tag_338": 0}),
        ("a fourth value of which nothing is said", {"tag_277": 4}),
        ("turned", {"tag_274": 6}),
        ("not compressed", {"tag_259": 1}),
    ],
)
def test_what_it_shows_otherwise_is_not(what: str, tags: dict[str, int]) -> None:
    one = directory(**tags)
    assert not openslide_shows(one, one), what


def test_a_thumbnail_in_front_would_be_taken_for_the_picture() -> None:
    assert not openslide_shows(directory(tag_256=16, tag_257=16), directory())


def test_readers_of_images_see_to_profiles_turns_and_four_planes() -> None:
    assert not needs_conversion(directory())
    assert needs_conversion(directory(tag_274=8))
    assert needs_conversion(directory(tag_34675=1))
    assert needs_conversion(directory(tag_277=4, tag_284=2))
    assert not needs_conversion(directory(tag_284=2))
