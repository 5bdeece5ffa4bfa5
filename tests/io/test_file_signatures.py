"""Formats by their first bytes, beside files that Pillow and pydicom's layout write."""

import io

import pytest
from PIL import Image

from marrowscope.io.file_signatures import HEAD_BYTES, file_format


@pytest.mark.parametrize("kind", ["TIFF", "JPEG", "PNG", "BMP", "WEBP"])
def test_what_pillow_writes_is_known_by_its_head(kind: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 10, 90)).save(out, kind)
    assert file_format(out.getvalue()) == kind
    assert file_format(out.getvalue()[:HEAD_BYTES]) == kind


@pytest.mark.parametrize("head", [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"])
def test_both_byte_orders_of_classic_and_big_tiff_are_tiff(head: bytes) -> None:
    assert file_format(head + bytes(200)) == "TIFF"


def test_dicom_has_its_mark_behind_128_bytes() -> None:
    assert file_format(bytes(128) + b"DICM") == "DICOM"
    assert file_format(bytes(127) + b"DICM") is None


@pytest.mark.parametrize("head", [b"", b"II", b"GIF89a", b"%PDF-1.7", b"RIFF1234WAVE"])
def test_anything_else_is_unknown(head: bytes) -> None:
    assert file_format(head) is None
