"""What a file is by its first bytes: the head of a file goes in, the name of its format comes out.

Signatures: TIFF 6.0 (Aldus 1992) and BigTIFF (libtiff); DICOM PS3.10; ITU-T T.81 (JPEG); PNG
(ISO/IEC 15948); BITMAPFILEHEADER (Microsoft); RIFF container of WebP (RFC 9649); GIF89a; ITU-T
T.800 (JPEG 2000); ISO/IEC 14496-12 (``ftyp`` of AVIF and HEIC); the makers' own for the rest.
"""

from marrowscope.extras import install_line, missing_modules

HEAD_BYTES = 132  # as much of a file as decides

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_JPEG2000 = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
_DICOM_PLACE = 128
_AVIF = (b"avif", b"avis")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AS_PICTURE = "save the picture as PNG or TIFF"

# Of formats that are not read: how the file begins → what it is, and what helps.
_FOREIGN = {
    b"ZISRAWFILE": "a Zeiss CZI file; export it from ZEN as TIFF or PNG",
    b"\xda\xce\xbe\x0a": "a Nikon ND2 file; export it as TIFF or PNG",
    b"8BPS": f"a Photoshop file; {_AS_PICTURE}",
    b"\xff\x0a": f"a JPEG XL image; {_AS_PICTURE}",
    b"\0\0\0\x0cJXL ": f"a JPEG XL image; {_AS_PICTURE}",
    b"II\xbc": f"a JPEG XR image; {_AS_PICTURE}",
    b"v/1\x01": f"an OpenEXR image; {_AS_PICTURE}",
    b"\x89HDF": "an HDF5 file; export its pictures as PNG or TIFF",
    b"%PDF": "a PDF; export its pictures as PNG",
    b"PK\x03\x04": "a ZIP archive or an Office file; unpack it first",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"<svg": f"an SVG drawing; {_AS_PICTURE}",
    b"<!DOCTYPE": "a web page, perhaps of a failed download",
    b"<html": "a web page, perhaps of a failed download",
    b"version https://git-lfs": "a pointer of Git LFS; fetch the file with 'git lfs pull'",
}


def file_format(head: bytes) -> str | None:
    """Name of a format that this package reads, or None for anything else.

    Args:
        head: the file, or its first ``HEAD_BYTES`` bytes.

    Returns:
        ``DICOM`` (also of a DICOM whose free first bytes look like a TIFF), ``TIFF``, ``JPEG``,
        ``PNG``, ``BMP``, ``WEBP``, ``GIF``, ``JPEG2000``, ``AVIF``, ``HEIC`` or None.
    """
    if head[_DICOM_PLACE : _DICOM_PLACE + 4] == b"DICM":
        return "DICOM"
    if head[:4] in _TIFF:
        return "TIFF"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG"):
        return "PNG"
    if head.startswith(b"BM"):
        return "BMP"
    if head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(_JPEG2000):
        return "JPEG2000"
    if _brands(head) & set(_AVIF):
        return "AVIF"
    if _brands(head) & set(_HEIC):
        return "HEIC"
    return None


def foreign_format(head: bytes) -> str | None:
    """What a file is that no reader here takes, and what to do about it; None: unknown.

    Args:
        head: the file, or its first few kilobytes.
    """
    if head[_DICOM_PLACE : _DICOM_PLACE + 4] == b"DICM":
        return _dicom(head)
    if file_format(head) == "HEIC" and missing_modules("heif"):
        return (
            f"a HEIC image, as phones take them: {install_line('heif')}, or save it as JPEG or PNG"
        )
    for start, what in _FOREIGN.items():
        if head.startswith(start):
            return what
    return None


def bits_of_jpeg2000(data: bytes) -> int:
    """Bits of a value in a JPEG 2000 (ITU-T T.800, A.5.1: marker SIZ); 8 where it is not found."""
    start = data.find(b"\xff\x4f\xff\x51")
    place = start + 42  # of the depth of the first channel
    return (data[place] & 0x7F) + 1 if start >= 0 and place < len(data) else 8


def _brands(head: bytes) -> set[bytes]:
    """Major and compatible brands of a file in ISO base media format."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), HEAD_BYTES)
    return {head[8:12], *(head[place : place + 4] for place in range(16, end - 3, 4))}


def _dicom(head: bytes) -> str:
    """By its modality (PS3.3, C.7.3.1.1.1), which stands near the front in explicit notation."""
    place = head.find(b"\x08\x00\x60\x00CS")
    kind = ""
    if place >= 0:
        length = int.from_bytes(head[place + 6 : place + 8], "little")
        kind = head[place + 8 : place + 8 + min(length, 16)].decode("ascii", "replace").strip("\0 ")
    if kind == "SM":
        return "a slide as DICOM, no single picture; give it to detect or count"
    what = f" of modality {kind}" if kind else ""
    return f"a DICOM file{what}, no picture of cells under a microscope"
