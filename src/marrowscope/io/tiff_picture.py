"""Which page of a TIFF is the picture: all pages go in, one page or three grey ones come out.

One page is the picture. Among several it is the largest, where the others are thumbnails (at most
half as wide and high, or marked as reduced). Three equal grey pages are red, green and blue, unless
the file says that they are focal planes or times. Any other stack is refused, as the slide readers
do: nobody can say which of its planes was meant.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from mmap import mmap

import numpy as np

from marrowscope.io.sample_depth import bits_of_white
from marrowscope.io.tiff_compressions import (
    BYTE_CODECS,
    NONE,
    STREAM_CODECS,
    left_to_pillow,
    refusal,
)
from marrowscope.io.tiff_description import PlaneFacts, plane_facts
from marrowscope.io.tiff_directory import TiffDirectory
from marrowscope.io.tiff_pages import CutOffError, read_pages
from marrowscope.io.tiff_samples import UnreadableLayoutError
from marrowscope.io.tiff_tags import (
    COMPRESSION,
    DNG_VERSION,
    EXTRA_SAMPLES,
    FILL_ORDER,
    IMAGEJ_COUNTS,
    IMAGEJ_METADATA,
    LARGEST,
    LARGEST_SAMPLE,
    ORIENTATION,
    PHOTOMETRIC,
    PLANAR,
    PROFILE,
    SAMPLE_FORMAT,
    STRIP_LENGTHS,
    STRIP_OFFSETS,
    SUBFILE_TYPE,
    YCBCR_SUBSAMPLING,
)

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR, CIELAB = 0, 1, 2, 3, 5, 6, 8
_MOST_CHANNELS = 5
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_GREY = (0, 1)
_ADVICE = "export the picture as one RGB page"


@dataclass(frozen=True)
class TiffPicture:
    """The pages that make the picture.

    Attributes:
        pages: one, or three grey ones: red, green, blue.
        facts: what the description says.
        notes: what a user should know of the choice.
    """

    pages: tuple[TiffDirectory, ...]
    facts: PlaneFacts
    notes: tuple[str, ...]

    @property
    def declared_bits(self) -> int | None:
        """Bits that the file says a number uses; None where it says nothing of use."""
        page = self.pages[0]
        told = [bits_of_white(page.number(tag, 0)) for tag in (LARGEST_SAMPLE, LARGEST)]
        return next((bits for bits in (self.facts.bits, *told) if bits is not None), None)

    @property
    def read_by_pillow(self) -> bool:
        """Whether Pillow's answer is right and complete: 8 bits or fewer, channels together."""
        page = self.pages[0]
        if len(self.pages) > 1 or page.depth > 8 or page.number(SAMPLE_FORMAT, 1) not in (1, 4):
            return False
        compression = page.number(COMPRESSION, NONE)
        if compression not in BYTE_CODECS:
            return left_to_pillow(compression)
        if page.number(PHOTOMETRIC, 1) == YCBCR and _subsampled(page):
            return False
        apart = page.samples > 1 and page.number(PLANAR, 1) == 2
        kind = page.number(PHOTOMETRIC, 1)
        usual = page.samples == {RGB: 3, SEPARATED: 4, YCBCR: 3, CIELAB: 3}.get(kind, 1)
        return usual and not apart and page.number(FILL_ORDER, 1) == 1

    def require_readable(self) -> None:
        """Refuse what neither Pillow nor ``tiff_samples`` reads.

        Raises:
            UnreadableLayoutError: the compression, or the number of channels.
        """
        page = self.pages[0]
        for one in self.pages:
            compression = one.number(COMPRESSION, NONE)
            if compression not in (*BYTE_CODECS, *STREAM_CODECS):
                raise UnreadableLayoutError(refusal(compression))
        if self.photometric == YCBCR and _subsampled(page):
            raise UnreadableLayoutError("YCbCr colours with fewer values of colour; save it as RGB")
        if page.samples > _MOST_CHANNELS:
            raise UnreadableLayoutError(f"{page.samples} channels; export it as RGB")

    @property
    def photometric(self) -> int:
        """What the numbers stand for; of three grey planes composed, RGB."""
        return self.pages[0].number(PHOTOMETRIC, 1)

    @property
    def extra(self) -> tuple[int, ...]:
        """Meaning of the samples behind the colour."""
        return tuple(self.pages[0].numbers(EXTRA_SAMPLES).tolist())

    @property
    def profile(self) -> bytes | None:
        """ICC."""
        return self.pages[0].raw(PROFILE) or None

    @property
    def orientation(self) -> int:
        """1 (upright) to 8, as EXIF numbers it."""
        value = self.pages[0].number(ORIENTATION, 1)
        return value if 1 <= value <= 8 else 1


def find_picture(data: bytes | mmap) -> TiffPicture | None:
    """Choose the page; None where the directories are too damaged to say anything.

    Raises:
        UnreadableLayoutError: a stack, or a raw picture of a camera.
        CutOffError: not even the first directory is there.
    """
    pages: list[TiffDirectory] = []
    cut_off = False
    try:
        pages.extend(read_pages(data))
    except CutOffError:
        if not pages:
            raise
        cut_off = True
    if not pages or pages[0].width * pages[0].height == 0:
        return None
    if any(DNG_VERSION in page.values for page in pages) or data[8:10] == b"CR":
        raise UnreadableLayoutError("a raw picture of a camera; develop it and save it as TIFF")
    facts = plane_facts(pages[0].description, _imagej_labels(pages[0]))
    pages = [page for page in pages if not page.number(SUBFILE_TYPE, 0) & _MASK]
    if len(pages) == 1 and facts.planes > 1:
        pages = _contiguous(data, pages[0], facts.planes)
    found = _chosen(pages, facts)
    return replace(found, notes=(*found.notes, "a later page is truncated")) if cut_off else found


def _chosen(pages: list[TiffDirectory], facts: PlaneFacts) -> TiffPicture:
    largest = max(pages, key=lambda page: page.width * page.height)
    equal = [page for page in pages if _side(page) == _side(largest)]
    others = [page for page in pages if _side(page) != _side(largest)]
    odd = next((page for page in others if not _is_thumbnail(page, largest)), None)
    if odd is not None:
        raise UnreadableLayoutError(
            f"{len(pages)} pages, among them {_size(largest)} and {_size(odd)}; {_ADVICE}"
        )
    notes = [f"full-size page taken, {len(others)} smaller left"] if others else []
    if len(equal) == 1:
        return TiffPicture((largest,), facts, tuple(notes))
    if facts.fluorescent:
        raise UnreadableLayoutError(f"channels of fluorescence ({', '.join(facts.names)})")
    if len(equal) != 3 or not _grey_alike(equal) or facts.depth > 1:
        raise UnreadableLayoutError(
            f"a stack of {len(equal)} planes of {_size(largest)}; {_ADVICE}"
        )
    order = facts.rgb_order or (0, 1, 2)
    notes.append("three grey planes composed to red, green and blue")
    return TiffPicture(tuple(equal[place] for place in order), facts, tuple(notes))


def _side(page: TiffDirectory) -> tuple[int, int]:
    return page.width, page.height


def _size(page: TiffDirectory) -> str:
    return f"{page.width}×{page.height} px"


def _is_thumbnail(page: TiffDirectory, largest: TiffDirectory) -> bool:
    if page.number(SUBFILE_TYPE, 0) & _REDUCED:
        return True
    return page.width <= math.ceil(largest.width / 2) and page.height <= math.ceil(
        largest.height / 2
    )


def _grey_alike(pages: Sequence[TiffDirectory]) -> bool:
    kinds = {
        (
            page.samples,
            page.bits,
            page.number(SAMPLE_FORMAT, 1),
            page.number(PHOTOMETRIC, 1),
        )
        for page in pages
    }
    samples, bits, _, photometric = next(iter(kinds))
    return len(kinds) == 1 and samples == 1 and bits[0] >= 8 and photometric in _GREY


def _contiguous(data: bytes | mmap, page: TiffDirectory, planes: int) -> list[TiffDirectory]:
    """Planes that lie behind the first one without directories, as ImageJ writes large stacks."""
    offsets, lengths = (page.numbers(tag).tolist() for tag in (STRIP_OFFSETS, STRIP_LENGTHS))
    size = page.height * math.ceil(page.width * page.samples * page.depth / 8)
    fits = bool(offsets) and offsets[0] + planes * size <= len(data)
    if page.number(COMPRESSION, NONE) != NONE or sum(lengths) != size or planes > 3 or not fits:
        raise UnreadableLayoutError(f"a stack of {planes} planes of {_size(page)}; {_ADVICE}")
    return [
        page.with_numbers(STRIP_OFFSETS, [offset + plane * size for offset in offsets])
        for plane in range(planes)
    ]


def _subsampled(page: TiffDirectory) -> bool:
    """Whether YCbCr has fewer values of colour than of light, as it has where nothing is said."""
    return page.numbers(YCBCR_SUBSAMPLING).tolist() not in ([1, 1],)


def _imagej_labels(page: TiffDirectory) -> tuple[str, ...]:
    """Names of the planes in ImageJ's own tag, whose blocks tag 50838 measures."""
    sizes, raw = page.numbers(IMAGEJ_COUNTS).tolist(), page.raw(IMAGEJ_METADATA)
    if not raw or not 4 < len(sizes) + 1 < 64:
        return ()
    place = sizes[0]
    head = raw[4:place]  # behind the mark: four letters and a number for every sort of block
    if page.order == "<":
        kinds = [(head[at : at + 4][::-1], head[at + 4 : at + 8]) for at in range(0, len(head), 8)]
    else:
        kinds = [(head[at : at + 4], head[at + 4 : at + 8]) for at in range(0, len(head), 8)]
    blocks = iter(sizes[1:])
    for kind, number in kinds:
        count = int.from_bytes(number, "little" if page.order == "<" else "big")
        taken = [next(blocks, 0) for _ in range(min(count, 64))]
        if kind == b"labl":
            coding = "utf-16-le" if page.order == "<" else "utf-16-be"
            ends = np.cumsum([place, *taken])
            return tuple(raw[start:end].decode(coding, "replace") for start, end in pairwise(ends))
        place += sum(taken)
    return ()
