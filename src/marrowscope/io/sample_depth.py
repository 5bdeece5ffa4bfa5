"""How many bits of a number a camera filled: what the file says or shows → 8 bits.

Cameras of 10, 12 and 14 bits write their numbers into 16, mostly at the lower end and mostly
without a word; taken for 16 bits such a picture is nearly black. In transmitted light the brightest
point of a stained smear reaches more than a quarter of white, so the largest number of a picture
tells how many bits it uses: the fewest of 8, 10, 12, 14 and 16 that hold it. White is the top of
that range, not the largest number itself: stretching every picture to its own brightest point would
change colours that mean something.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CAMERAS = (8, 10, 12, 14, 16)  # bits
_BRIGHT = 0.5  # of the range; smears are lit to reach more than that


@dataclass(frozen=True)
class Depth:
    """Of one picture.

    Attributes:
        bits: that its numbers use.
        note: what a user should know of that.
    """

    bits: int
    note: str


def used_depth(largest: int, stored: int, declared: int | None = None) -> Depth:
    """Decide how many bits are used.

    Args:
        largest: number in the picture.
        stored: bits of a number in the file, 9 to 16.
        declared: bits that the file says are used; None: it says nothing.
    """
    if stored < 16:
        return Depth(stored, f"{stored}-bit to 8-bit")
    if declared is not None and 8 <= declared < 16 and largest < 1 << declared:
        return Depth(declared, f"{declared}-bit values in 16 bits, as the file says, to 8-bit")
    bits = next(bits for bits in _CAMERAS if largest < 1 << bits)
    if bits == 16 or largest == 0:
        return Depth(16, "16-bit to 8-bit")
    white = (1 << bits) - 1
    if largest >= _BRIGHT * white:
        told = f"{bits}-bit values in 16 bits to 8-bit (the largest is {largest}, white is {white})"
    else:
        told = (
            f"uncertain depth, read as {bits}-bit values in 16 bits (the largest is {largest}, "
            f"white is taken to be {white})"
        )
    return Depth(bits, told)


def high_bytes(values: NDArray[np.unsignedinteger], bits: int) -> NDArray[np.uint8]:
    """The 8 highest of the bits that are used; larger numbers become white."""
    if bits == 8:
        return np.asarray(np.minimum(values, 255), dtype=np.uint8)
    return np.asarray(np.minimum(values >> (bits - 8), 255), dtype=np.uint8)


def bits_of_white(white: int) -> int | None:
    """Bits of a range whose top is this number; None where it is no such top."""
    bits = int(white).bit_length()
    return bits if white == (1 << bits) - 1 and 8 <= bits <= 16 else None
