"""Formats by their first bytes, beside files that Pillow and pydicom's layout write."""

import io

import pytest
from PIL import Image

from marrowscope.io.file_signatures import HEAD_BYTES, file_format, foreign_format


@pytest.mark.parametrize("kind", ["TIFF", "JPEG", "PNG", "BMP", "WEBP", "GIF", "JPEG2000"])
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


@pytest.mark.parametrize("head", [b"", b"II", b"%PDF-1.7", b"RIFF1234WAVE"])
def test_anything_else_is_unknown(head: bytes) -> None:
    assert file_format(head) is None


@pytest.mark.parametrize(
    ("brands", "kind"),
    [(b"avif\0\0\0\0mif1miaf", "AVIF"), (b"mif1\0\0\0\0mif1avif", "AVIF"),
     (b"heic\0\0\0\0mif1heic", "HEIC")],
)  # fmt: skip
def test_avif_is_told_from_heic_by_its_brands(brands: bytes, kind: str) -> None:
    head = (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands + bytes(100)
    assert file_format(head) == kind
    assert foreign_format(head) is None


def test_a_dicom_file_is_named_whatever_its_first_bytes_look_like() -> None:
    head = b"II*\0" + bytes(124) + b"DICM"
    assert file_format(head) == "DICOM"
    assert foreign_format(head) == "a DICOM file, no picture of cells under a microscope"
