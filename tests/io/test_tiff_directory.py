"""Numbers, fractions and text of a directory, from their bytes."""

import math
import struct

import pytest

from marrowscope.io.tiff_directory import TiffDirectory

BYTE, ASCII, SHORT, RATIONAL, SIGNED, FLOAT, LONG8 = 1, 2, 3, 5, 8, 11, 16


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_are_read_in_the_order_of_the_file(order: str) -> None:
    one = TiffDirectory(
        {
            256: (LONG8, struct.pack(order + "Q", 2**40)),
            258: (SHORT, struct.pack(order + "HHH", 8, 16, 8)),
            282: (RATIONAL, struct.pack(order + "II", 7, 2)),
            283: (RATIONAL, struct.pack(order + "II", 7, 0)),
        },
        order,
    )
    assert (one.width, one.bits, one.depth) == (2**40, (8, 16, 8), 16)
    assert one.ratio(282) == 3.5
    assert math.isnan(one.ratio(283))
    assert math.isnan(one.ratio(999))


@pytest.mark.parametrize(
    "value",
    [(SIGNED, struct.pack("<h", 1)), (FLOAT, struct.pack("<f", 1)), (ASCII, b"7"), (3, b"")],
)
def test_what_has_a_sign_or_a_fraction_is_no_number(value: tuple[int, bytes]) -> None:
    one = TiffDirectory({256: value, 258: value}, "<")
    assert (one.width, one.bits) == (0, (1,))
    assert one.numbers(256).size == 0


def test_text_ends_with_its_first_zero_whatever_type_it_has() -> None:
    for kind in (BYTE, ASCII):
        one = TiffDirectory({270: (kind, "0.25 µm\0rest".encode())}, "<")
        assert one.description == "0.25 µm"
    assert TiffDirectory({270: (SHORT, b"ab")}, "<").description == ""


def test_other_numbers_can_be_put_into_a_copy() -> None:
    one = TiffDirectory({273: (SHORT, struct.pack(">H", 9))}, ">")
    assert one.with_numbers(273, [2**33, 5]).offsets.tolist() == [2**33, 5]
    assert one.offsets.tolist() == [9]
