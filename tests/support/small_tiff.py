"""A TIFF of one directory, written entry by entry."""

import struct

# 20×10 px in one strip of 600 bytes at byte 150: sound. Tag → type, count, value.
SOUND = {
    256: (4, 1, 20),
    257: (4, 1, 10),
    258: (3, 1, 8),
    277: (3, 1, 3),
    273: (4, 1, 150),
    278: (4, 1, 10),
    279: (4, 1, 600),
}

Entry = tuple[int, int, int, int]


def small_tiff(*entries: Entry, following: int = 0) -> bytes:
    """Classic and little-endian, its directory at byte 8: tag, type, count, value of each entry."""
    table = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries))
    return head + table + struct.pack("<I", following) + bytes(1000)


def changed(**facts: tuple[int, int, int] | None) -> list[Entry]:
    """The entries of the sound one with others in the place of some, as ``t256``."""
    entries = {**SOUND, **{int(tag[1:]): fact for tag, fact in facts.items()}}
    return [(tag, *fact) for tag, fact in entries.items() if fact is not None]
