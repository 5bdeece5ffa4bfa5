"""A folder for an output → nothing, or an error before anything in it would be lost."""

from collections.abc import Collection, Mapping
from pathlib import Path

from marrowscope.errors import InputError


def is_taken(folder: Path) -> bool:
    """Whether something is there already: a file of that name, or a folder that is not empty."""
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def entry_names(folder: Path) -> set[str]:
    """Names in a folder; none where there is no folder yet.

    Raises:
        InputError: it cannot be listed.
    """
    try:
        return {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None


def require_only(folder: Path, own: Collection[str], what: str) -> set[str]:
    """Refuse a folder that holds other files than an earlier output of the same kind.

    Args:
        folder: that is going to be replaced as a whole.
        own: names that the output has.
        what: the output is, for the message.

    Returns:
        The names in the folder.

    Raises:
        InputError: it holds something else, or cannot be listed.
    """
    names = entry_names(folder)
    others = sorted(names - set(own))
    if others:
        raise InputError(
            f"{folder}: holds {others[0]}, which is not part of {what}; name a new folder"
        )
    return names


def require_earlier_output(folder: Path, marks: Mapping[str, bytes | None]) -> None:
    """Refuse a folder that is not empty, unless an earlier output of the same kind made it.

    Args:
        folder: that is going to be replaced as a whole; it may be missing.
        marks: files by which such an output is known, with their content; None for any content.

    Raises:
        InputError: it holds something else, or cannot be read.
    """
    if not folder.is_dir() or not entry_names(folder):
        return
    for name, content in marks.items():
        path = folder / name
        try:
            fits = path.is_file() and (content is None or path.read_bytes() == content)
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
        if not fits:
            raise InputError(f"{folder}: holds something else; choose another folder")
