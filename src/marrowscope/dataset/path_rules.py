"""Where the path of an image holds an id: a folder, or a part of the file's name."""

import os
import re
from dataclasses import dataclass

from marrowscope.dataset.folder_names import LONGEST_NAME, printable
from marrowscope.errors import InputError


@dataclass(frozen=True)
class PathRule:
    """Where an id stands in the path of an image: of its patient, or of its laboratory.

    Attributes:
        text: as it was given.
        level: of the folder, from the file outwards (1 is the folder that holds it), or None.
        depth: of the folder, from the one that the user names inwards (1 is the first), or None.
        pattern: that the file's name without its suffix has to fit, or None.
    """

    text: str
    level: int | None = None
    depth: int | None = None
    pattern: re.Pattern[str] | None = None

    def find(self, path: str, top: str | None = None) -> str | None:
        """The id, or None where the path has none.

        Args:
            path: of the image.
            top: the folder that the user names, or that of the list; None of a single image.
        """
        if self.depth is not None:
            inner = _folders_between(path, top)
            within = inner[:1] not in ([os.pardir], [os.curdir]) and self.depth <= len(inner)
            return printable(inner[self.depth - 1]) if within else None
        if self.level is not None:
            folders = os.path.dirname(path).split(os.sep)
            return printable(folders[-self.level]) if self.level < len(folders) else None
        assert self.pattern is not None
        stem = os.path.splitext(os.path.basename(path))[0]
        match = self.pattern.fullmatch(stem) if len(stem) <= LONGEST_NAME else None
        return printable(match["id"]) if match is not None else None

    def level_in(self, inner: list[str]) -> int | None:
        """Level of the folder among those between the named folder and the file, or None."""
        if self.depth is not None:
            return len(inner) - self.depth + 1 if self.depth <= len(inner) else None
        return self.level


def _folders_between(path: str, top: str | None) -> list[str]:
    """Folders from ``top`` (not included) to the file; they begin with .. where it lies outside."""
    if top is None:
        return []
    try:
        return os.path.relpath(os.path.dirname(path), top).split(os.sep)
    except ValueError:  # on another drive of Windows
        return []


def path_rule(text: str, argument: str) -> PathRule:
    """Read ``folder:-1``, ``folder:1`` or ``name:PATTERN``.

    ``folder:-1`` is the folder that holds the image, ``folder:-2`` the one around it; ``folder:1``
    is the first folder inside the one that the user names, ``folder:2`` the one in it. In a pattern
    ``{id}`` stands for the id, ``{id:4}`` for one of four signs, and ``*`` for anything:
    ``name:*_{id}_*`` takes P012 from ``BLA_P012_0001.jpg``. Regular expressions are not taken, for
    some of them never end.

    Args:
        text: the rule.
        argument: that it was given as, for the error.

    Raises:
        InputError: it is neither.
    """
    kind, _, rest = text.partition(":")
    if kind.strip() == "folder" and re.fullmatch(r"-[1-9]\d?", rest.strip()):
        return PathRule(text, level=-int(rest))
    if kind.strip() == "folder" and re.fullmatch(r"[1-9]\d?", rest.strip()):
        return PathRule(text, depth=int(rest))
    if kind.strip() == "name" and rest:
        pieces = re.split(r"(\{id(?::\d{1,2})?\}|\*)", rest)
        ids = [piece for piece in pieces if piece.startswith("{id") and piece.endswith("}")]
        if (
            len(ids) == 1
            and pieces.count("*") <= 2
            and "{" not in "".join(piece for piece in pieces if piece not in ids)
        ):
            return PathRule(text, pattern=re.compile("".join(map(_as_regex, pieces)), re.DOTALL))
    raise InputError(
        f"`{argument}` {text}: give folder:-1 (the folder that holds the image), folder:-2, "
        "folder:1 (the first inside the one that you name), or name:PATTERN with one {id} and at "
        "most two *, such as 'name:*_{id}_*'"
    )


def _as_regex(piece: str) -> str:
    if piece == "*":
        return ".*?"
    if piece.startswith("{id") and piece.endswith("}"):
        length = piece[4:-1]
        return f"(?P<id>.{{{length}}})" if length else "(?P<id>.+?)"
    return re.escape(piece)
