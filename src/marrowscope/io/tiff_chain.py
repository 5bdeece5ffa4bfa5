"""A TIFF goes in, its directories come out one by one, read under limits.

Nothing that a file says of itself is believed before it is compared with the length of the file:
each directory is visited once, their number and the number of their entries are bounded, and no
value is read that is longer than what is left of the file. So a damaged or hostile file costs no
more time and memory than a sound one. No pixel is decoded.

This is the one reader of them: of pictures in memory (``tiff_pages``) as of slides on disk
(``slides.tiff_structure``), which also ask whether a directory can be true.

Layouts: TIFF 6.0 (Aldus 1992), BigTIFF (libtiff); sub-directories: Adobe TIFF Technical Note 1.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from mmap import mmap
from typing import BinaryIO, Protocol

from marrowscope.io.tiff_directory import TiffDirectory
from marrowscope.io.tiff_tags import DESCRIPTION, SUB_DIRECTORIES

MAX_DIRECTORIES = 20_000
_MAX_ENTRIES = 4_096  # in one directory; some scanners write a hundred
_MAX_TEXT = 64_000_000  # bytes; descriptions of OME-TIFF are the longest
_MAX_UNUSED = 1_000  # bytes of a value that nobody needs
# Bytes of one value, by TIFF type: text and bytes, short and long numbers, fractions, floats.
_TYPE_SIZES = dict.fromkeys((1, 2, 6, 7), 1) | dict.fromkeys((3, 8), 2)
_TYPE_SIZES |= dict.fromkeys((4, 9, 11, 13), 4) | dict.fromkeys((5, 10, 12, 16, 17, 18), 8)


class TiffDamageError(Exception):
    """What is wrong with the directories, in a few words."""


class BeyondEndError(TiffDamageError):
    """A directory, or a value that is needed, lies beyond the end of the file."""


class CircularChainError(TiffDamageError):
    """A directory comes again."""


class ByteSource(Protocol):
    """What can be read from at any place."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    def read(self, place: int, length: int) -> bytes:
        """Bytes from a place on; fewer where it ends."""


@dataclass(frozen=True)
class MemorySource:
    """A file in memory, or mapped into it."""

    data: bytes | mmap

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self.data)

    def read(self, place: int, length: int) -> bytes:
        """Bytes from a place on."""
        return self.data[place : place + length]


@dataclass(frozen=True)
class FileSource:
    """An open file."""

    stream: BinaryIO
    size: int

    def read(self, place: int, length: int) -> bytes:
        """Bytes from a place on; fewer where the file ends."""
        self.stream.seek(place)
        return self.stream.read(length)


def _believed(directory: TiffDirectory) -> None:
    """Any directory is taken as it is."""


@dataclass(frozen=True)
class ChainRules:
    """What a caller asks of the directories.

    Attributes:
        needed: tags of which a value beyond the end means that the file is damaged. Others are left
            empty then, and where they are long.
        check: raises ``TiffDamageError`` of a directory that cannot be true.
        children: whether sub-directories are read too.
        last: tags of a directory behind which places are written in a way of its maker's own.
    """

    needed: frozenset[int]
    check: Callable[[TiffDirectory], None] = _believed
    children: bool = False
    last: frozenset[int] = frozenset()


def read_chain(source: ByteSource, rules: ChainRules) -> Iterator[TiffDirectory]:
    """Directory after directory, in the order in which they hang together.

    Raises:
        TiffDamageError: the file is no TIFF, or the next directory cannot be read or be true.
    """
    reader = _ChainReader(source, rules)
    place = reader.first
    if not place:
        raise TiffDamageError("no picture in it")
    while place:
        directory, place = reader.directory(place, depth=0)
        yield directory


class _ChainReader:
    """Reads single directories of one file, and remembers what it cost."""

    def __init__(self, source: ByteSource, rules: ChainRules) -> None:
        self._source, self._rules = source, rules
        self._seen: set[int] = set()
        self._left = 4 * source.size + 1_000_000  # bytes that may be read; values may be shared
        head = self._bytes(0, min(16, source.size))
        if head[:2] not in (b"II", b"MM") or len(head) < 8:
            raise TiffDamageError("no header")
        self._order = "<" if head[:2] == b"II" else ">"
        (version,) = struct.unpack_from(self._order + "H", head, 2)
        if version not in (42, 43):
            raise TiffDamageError(f"version {version}")
        self._big = version == 43
        self._word = self._order + ("Q" if self._big else "I")
        # Beyond 4 GB scanners of Hamamatsu write a classic TIFF with places of eight bytes.
        wide = self._big or source.size > 2**32
        self.first: int = struct.unpack_from(
            self._order + ("Q" if wide else "I"), head.ljust(16, b"\0"), 8 if self._big else 4
        )[0]

    def directory(self, place: int, depth: int) -> tuple[TiffDirectory, int]:
        """A directory, and where the next one is (0: nowhere)."""
        if place in self._seen:
            raise CircularChainError("its directories go round in a circle")
        if len(self._seen) >= MAX_DIRECTORIES:
            raise TiffDamageError(f"more than {MAX_DIRECTORIES} directories")
        self._seen.add(place)
        head, entry = ("Q", "HHQ") if self._big else ("H", "HHI")
        size, room = (20, 8) if self._big else (12, 4)
        (count,) = struct.unpack(
            self._order + head, self._bytes(place, struct.calcsize("<" + head))
        )
        if not 0 < count <= _MAX_ENTRIES:
            raise TiffDamageError(f"a directory of {count} entries")
        start = place + struct.calcsize("<" + head)
        table = self._bytes(start, count * size + room)
        values: dict[int, tuple[int, bytes]] = {}
        for at in range(0, count * size, size):
            tag, kind, length = struct.unpack_from(self._order + entry, table, at)
            if tag in values or kind not in _TYPE_SIZES:
                continue  # readers pass over types that they do not know (TIFF 6.0, p. 16)
            inside = table[at + size - room : at + size]
            values[tag] = kind, self._value(tag, length * _TYPE_SIZES[kind], inside)
        (following,) = struct.unpack_from(self._word, table, count * size)
        found = TiffDirectory(values, self._order, place)
        if self._rules.last & values.keys():
            return found, 0
        self._rules.check(found)
        # A level of a pyramid has no pyramid of its own.
        if not self._rules.children or depth:
            return found, following
        below = [child for child in found.numbers(SUB_DIRECTORIES).tolist() if child]
        children = tuple(self.directory(child, depth + 1)[0] for child in below)
        return replace(found, children=children), following

    def _value(self, tag: int, length: int, inside: bytes) -> bytes:
        """Bytes of one entry; none where they need not be known."""
        if length <= len(inside):
            return inside[:length]
        (place,) = struct.unpack(self._word, inside)
        needed = tag in self._rules.needed
        if not needed and length > _MAX_UNUSED:
            return b""
        if place + length > self._source.size or (tag == DESCRIPTION and length > _MAX_TEXT):
            if needed:
                raise BeyondEndError(f"tag {tag} would reach beyond the end of the file")
            return b""
        return self._bytes(place, length)

    def _bytes(self, place: int, length: int) -> bytes:
        if place + length > self._source.size:
            raise BeyondEndError("a directory lies beyond the end of the file")
        self._left -= length
        if self._left < 0:
            raise TiffDamageError("its values lie on top of each other")
        data = self._source.read(place, length)
        if len(data) < length:
            raise BeyondEndError("the file became shorter while it was read")
        return data
