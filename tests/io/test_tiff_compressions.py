"""Every compression of TIFF is read here, left to Pillow, or refused by its name."""

import pytest

from marrowscope.io import tiff_compressions as tiff


def test_each_is_for_one_reader_alone() -> None:
    for compression in (*tiff.BYTE_CODECS, *tiff.STREAM_CODECS):
        assert not tiff.left_to_pillow(compression)
        assert not tiff.is_unread(compression)
    assert tiff.left_to_pillow(tiff.JPEG)
    assert tiff.left_to_pillow(4)  # fax; Pillow says what it does not know
    assert tiff.is_unread(70_000)
    assert not tiff.left_to_pillow(70_000)


@pytest.mark.parametrize(
    ("compression", "name"), [(50002, "JPEG XL"), (34887, "LERC"), (34934, "JPEG XR")]
)
def test_what_nothing_reads_is_refused_by_its_name(compression: int, name: str) -> None:
    assert tiff.is_unread(compression)
    assert tiff.refusal(compression) == (
        f"a TIFF that holds {name}, which is not read; save it uncompressed or with LZW"
    )
