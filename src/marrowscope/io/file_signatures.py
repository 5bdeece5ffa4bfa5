"""What a file is by its first bytes: the head of a file goes in, the name of its format comes out.

Signatures: TIFF 6.0 (Aldus 1992) and BigTIFF (libtiff); DICOM PS3.10; ITU-T T.81 (JPEG); PNG
(ISO/IEC 15948); BITMAPFILEHEADER (Microsoft); RIFF container of WebP (RFC 9649).
"""

HEAD_BYTES = 132  # as much of a file as decides

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_DICOM_PLACE = 128


def file_format(head: bytes) -> str | None:
    """``TIFF``, ``DICOM``, ``JPEG``, ``PNG``, ``BMP`` or ``WEBP``, or None for anything else.

    Args:
        head: the file, or its first ``HEAD_BYTES`` bytes.
    """
    if head[:4] in _TIFF:
        return "TIFF"
    if head[_DICOM_PLACE : _DICOM_PLACE + 4] == b"DICM":
        return "DICOM"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG"):
        return "PNG"
    if head.startswith(b"BM"):
        return "BMP"
    if head[8:12] == b"WEBP":
        return "WEBP"
    return None
