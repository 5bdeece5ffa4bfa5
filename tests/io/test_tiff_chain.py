"""Directories of a TIFF are read once, in their order, and never beyond the file."""

import io
import struct
from collections.abc import Callable

import pytest
import tifffile

from marrowscope.io.tiff_chain import (
    BeyondEndError,
    ByteSource,
    ChainRules,
    CircularChainError,
    FileSource,
    MemorySource,
    TiffDamageError,
    read_chain,
)
from marrowscope.io.tiff_directory import TiffDirectory
from marrowscope.io.tiff_tags import HEIGHT, STRIP_OFFSETS, SUB_DIRECTORIES, WIDTH, X_RESOLUTION
from support.slide_files import noise
from support.small_tiff import changed, small_tiff

IMAGE = noise(200, 300)
TAKEN = ChainRules(frozenset({WIDTH, HEIGHT, STRIP_OFFSETS, SUB_DIRECTORIES}))
WITH_CHILDREN = ChainRules(TAKEN.needed, children=True)


def chain(data: bytes, rules: ChainRules = TAKEN) -> list[TiffDirectory]:
    return list(read_chain(MemorySource(data), rules))


def test_facts_of_a_directory_are_read() -> None:
    (one,) = chain(small_tiff(*changed()))
    assert (one.width, one.height, one.samples, one.bits) == (20, 10, 3, (8,))
    assert (one.tiled, one.piece, one.planes, one.place) == (False, (20, 10), 1, 8)
    assert (one.offsets.tolist(), one.lengths.tolist()) == ([150], [600])


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}])
@pytest.mark.parametrize(
    "source", [MemorySource, lambda data: FileSource(io.BytesIO(data), len(data))]
)
def test_what_is_read_is_what_tifffile_reads(
    options: dict[str, object], source: Callable[[bytes], ByteSource]
) -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, **options) as writer:
        writer.write(IMAGE, tile=(64, 64), subifds=1, description="two levels", metadata=None)
        writer.write(IMAGE[::2, ::2], tile=(64, 64), subfiletype=1, metadata=None)
        writer.write(IMAGE[:9], rowsperstrip=4, resolution=(7, 9), metadata=None)
    found = list(read_chain(source(stream.getvalue()), WITH_CHILDREN))
    with tifffile.TiffFile(io.BytesIO(stream.getvalue())) as other:
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
            assert ours.place == page.offset
    assert found[0].description == "two levels"
    assert found[1].ratio(X_RESOLUTION) == pytest.approx(7)


def test_a_directory_that_comes_again_is_said_after_the_others() -> None:
    chained = read_chain(MemorySource(small_tiff(*changed(), following=8)), TAKEN)
    assert next(chained).width == 20
    with pytest.raises(CircularChainError):
        next(chained)
    own_child = small_tiff(*changed(), (SUB_DIRECTORIES, 4, 1, 8))
    with pytest.raises(CircularChainError):
        chain(own_child, WITH_CHILDREN)
    assert len(chain(own_child)) == 1  # children are not looked at


@pytest.mark.parametrize(
    "data",
    [
        small_tiff(*changed(), following=10**6),
        small_tiff(*changed(t273=(4, 5000, 150))),
        small_tiff(*changed())[:60],
    ],
    ids=["next directory", "value", "directory"],
)
def test_what_lies_beyond_the_end_is_damage(data: bytes) -> None:
    with pytest.raises(BeyondEndError, match="beyond the end of the file"):
        chain(data)


def test_values_that_nobody_needs_may_be_broken_or_long() -> None:
    (one,) = chain(
        small_tiff(
            *changed(),
            (50_000, 7, 2**31, 2**31),  # beyond the end
            (50_001, 99, 1, 1),  # of no known type
            (50_002, 7, 1001, 100),  # longer than what is read of them
            (50_003, 7, 6, 8),
        )
    )
    assert one.width == 20
    assert [one.raw(tag) for tag in (50_000, 50_001, 50_002)] == [b"", b"", b""]
    assert one.raw(50_003) == struct.pack("<HHH", 11, 256, 4)  # the directory's own beginning
    assert 50_002 in one.values
    assert 50_001 not in one.values


def test_values_may_not_lie_on_top_of_each_other_without_end() -> None:
    entries = [(40_000 + number, 7, 1000, 8) for number in range(1300)]
    with pytest.raises(TiffDamageError, match="on top of each other"):
        chain(small_tiff(*changed(), *entries))
    assert len(chain(small_tiff(*changed(), *entries[:900]))) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no header"),
        (b"PK" + bytes(20), "no header"),
        (b"II" + struct.pack("<H", 44) + bytes(20), "version 44"),
        (b"II*\0" + bytes(20), "no picture"),
        (small_tiff(), "a directory of 0 entries"),
        (b"II*\0" + struct.pack("<IH", 8, 5000) + bytes(70_000), "a directory of 5000 entries"),
    ],
)
def test_what_is_no_tiff_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(TiffDamageError, match=reason):
        chain(data)


def test_a_caller_may_refuse_a_directory_or_end_with_it() -> None:
    def narrow(one: TiffDirectory) -> None:
        if one.width > 10:
            raise TiffDamageError("too wide")

    with pytest.raises(TiffDamageError, match="too wide"):
        chain(small_tiff(*changed()), ChainRules(TAKEN.needed, narrow))
    circle = small_tiff(*changed(), (65420, 4, 1, 1), following=8)
    assert len(chain(circle, ChainRules(TAKEN.needed, narrow, last=frozenset({65420})))) == 1
