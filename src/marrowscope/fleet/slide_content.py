"""A slide → its files, their state at a glance, and a hash of their content.

A slide may be many files: an MRXS has a folder of its name beside it, a DICOM slide has a file for
each level. Size and time tell at a glance that nothing was touched; where they differ the content
decides, so that a copied archive is not counted again.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from marrowscope.errors import InputError

_DICOM = (".dcm", ".dicom")


class ContentState(NamedTuple):
    """Of all files of a slide together.

    Attributes:
        files: how many.
        size: bytes of all.
        modified_ns: of the newest, ns since 1970.
    """

    files: int
    size: int
    modified_ns: int


def slide_files(path: Path) -> list[Path]:
    """All files of a slide, sorted by name; empty where there is none.

    Of a file of a DICOM slide, all DICOM files beside it are its own: which of them are of the same
    slide only the slide itself says, and one too many does no harm here.
    """
    if path.is_dir():
        return sorted(one for one in path.iterdir() if one.is_file())
    if not path.is_file():
        return []
    suffix = path.suffix.lower()
    beside = path.with_suffix("")
    if suffix == ".mrxs" and beside.is_dir():
        return [path, *sorted(one for one in beside.iterdir() if one.is_file())]
    if suffix in _DICOM:
        return sorted(one for one in path.parent.iterdir() if one.suffix.lower() in _DICOM)
    return [path]


def content_state(path: Path) -> ContentState | None:
    """Number, size and time of a slide's files; None where there is no such slide.

    Raises:
        InputError: they cannot be looked at.
    """
    try:
        found = [os.stat(one) for one in slide_files(path)]
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not found:
        return None
    newest = max(one.st_mtime_ns for one in found)
    return ContentState(len(found), sum(one.st_size for one in found), newest)


def content_sha256(path: Path) -> str:
    """SHA-256 of the content of all files of a slide, as hexadecimal digits.

    Of one file that of its bytes; of several that of their names and hashes.

    Raises:
        InputError: a file cannot be read, or there is none.
    """
    files = slide_files(path)
    if not files:
        raise InputError(f"{path}: no such file")
    try:
        hashes = [_file_sha256(one) for one in files]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    if len(files) == 1:
        return hashes[0]
    lines = [f"{digest} {one.name}\n" for one, digest in zip(files, hashes, strict=True)]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
