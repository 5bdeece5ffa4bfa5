"""How strips and tiles of a TIFF can be packed, by tag 259, and which of that is read."""

NONE, LZW, JPEG, DEFLATE, PACKBITS, LZMA, ZSTANDARD = 1, 5, 7, (8, 32946), 32773, 34925, 50000
WEBP, JPEG2000, APERIO_YCBCR = 50001, (33005, 34712), 33003

WITH_PREDICTOR = (LZW, *DEFLATE, LZMA, ZSTANDARD)
BYTE_CODECS = (NONE, PACKBITS, *WITH_PREDICTOR)  # the bytes of the numbers, packed
STREAM_CODECS = (*JPEG2000, WEBP)  # every piece is a picture of another format

_READ_BY_PILLOW = {6: "JPEG of the old kind", JPEG: "JPEG"}
_UNREAD = {
    APERIO_YCBCR: "JPEG 2000 with YCbCr colours",
    22610: "JPEG XR",
    34887: "LERC",
    34934: "JPEG XR",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_LARGEST = 65535  # the tag holds a short number
_NAMES = _READ_BY_PILLOW | _UNREAD | {WEBP: "WebP", **dict.fromkeys(JPEG2000, "JPEG 2000")}


def left_to_pillow(compression: int) -> bool:
    """Whether it is no packing of numbers that is read here, and perhaps one of Pillow's."""
    return not is_unread(compression) and compression not in (*BYTE_CODECS, *STREAM_CODECS)


def is_unread(compression: int) -> bool:
    """Whether nothing that comes with the package reads it."""
    return compression in _UNREAD or compression > _LARGEST


def refusal(compression: int) -> str:
    """Why a picture in it cannot be used, and what to do."""
    name = _NAMES.get(compression, f"compression {compression}")
    return f"a TIFF that holds {name}, which is not read; save it uncompressed or with LZW"
