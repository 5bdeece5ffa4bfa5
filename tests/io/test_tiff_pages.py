"""Pages of a TIFF in memory."""

import io

import numpy as np
import pytest
from PIL import Image

from marrowscope.io.tiff_pages import CutOffError, first_page_at, read_pages
from support.small_tiff import changed, small_tiff


def two_pages() -> bytes:
    stream = io.BytesIO()
    first, second = (Image.fromarray(np.full((4, wide), 7, np.uint8)) for wide in (5, 9))
    first.save(stream, "TIFF", save_all=True, append_images=[second])
    return stream.getvalue()


def test_pages_come_in_their_order_and_any_can_be_put_in_front() -> None:
    data = two_pages()
    first, second = read_pages(data)
    assert (first.width, second.width) == (5, 9)
    assert first_page_at(data, first) is data
    with Image.open(io.BytesIO(first_page_at(data, second))) as image:
        assert image.size == (9, 4)


def test_pages_that_go_round_end_where_they_began() -> None:
    assert [page.width for page in read_pages(small_tiff(*changed(), following=8))] == [20]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            small_tiff(*changed(), following=10**6),
            "truncated: a TIFF directory lies beyond",
        ),
        (small_tiff(*changed(), (34675, 7, 10**6, 8)), "truncated"),  # a colour profile is needed
        (small_tiff(), "damaged TIFF: a directory of 0 entries"),
    ],
)
def test_a_damaged_chain_is_said_in_words(data: bytes, reason: str) -> None:
    with pytest.raises(CutOffError, match=f"^{reason}"):
        list(read_pages(data))
