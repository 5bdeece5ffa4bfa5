"""A path goes in, the content of an image file comes out; which names and sizes are taken."""

import stat
from pathlib import Path

from marrowscope.errors import InputError

MAX_PIXELS = 64_000_000
MAX_BYTES = 512_000_000
MASK_SUFFIX = ".mask.png"  # the truth of a synthetic image lies beside it; not an image of a cell
SUFFIXES: tuple[str, ...] = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"),
    *(".jp2", ".j2k", ".jpx", ".avif", ".heic", ".heif"),
)
READ = "JPEG, PNG, TIFF, BMP, WebP, GIF, JPEG 2000, AVIF or HEIC"


class ImageError(InputError):
    """An image that cannot be used; ``reason`` is the message without the file name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        ImageError: missing, a broken link, not permitted, not a file, empty, or over 512 MB.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "a pipe or device"
            raise ImageError(str(path), f"{kind}, not a file")
        if status.st_size > MAX_BYTES:
            raise ImageError(str(path), f"{status.st_size / 1e6:.0f} MB; the limit is 512 MB")
        # Logs of the kernel look like empty files, and would be waited for without end.
        data = path.read_bytes() if status.st_size else b""
    except FileNotFoundError:
        reason = "broken link" if path.is_symlink() else "no such file"
        raise ImageError(str(path), reason) from None
    except OSError as error:
        raise ImageError(str(path), error.strerror or str(error)) from None
    if not data:
        raise ImageError(str(path), "empty file")
    return data


def require_size(width: int, height: int, name: str) -> None:
    """Refuse what is too large before its pixels are decoded.

    Raises:
        ImageError: over 64 megapixels.
    """
    if width * height > MAX_PIXELS:
        raise ImageError(name, f"{width}×{height} px is more than 64 megapixels")


def one_line(error: BaseException | str) -> str:
    """What an error of a library says, without control characters, cut to fit a line."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(error))
    return (" ".join(text.split()) or type(error).__name__)[:120]
