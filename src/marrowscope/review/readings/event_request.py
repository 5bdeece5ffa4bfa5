"""What a reader's page sends: events, checked field by field before anything is written."""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marrowscope.identifiers import clean_text
from marrowscope.review.database.event_chain import canonical
from marrowscope.review.refusals import RefusalError

MOST_EVENTS = 500
MOST_CELLS = 20_000
LONGEST_COMMENT = 2_000
LONGEST_CODE = 100
_LARGEST_ID = 2**53
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
KINDS = ("label", "confirm", "comment", "remove", "restore", "add", "undo")


class FieldError(RefusalError):
    """A field of a request is missing or wrong."""

    status, code = 422, "wrong-field"


@dataclass(frozen=True)
class EventRequest:
    """One action of a reader.

    Attributes:
        id: made by the sender, so that sending it twice does it once.
        kind: one of ``KINDS``.
        cells: that it is about.
        code: class, of ``label`` and ``add``.
        text: of a comment.
        of: id of the event that is undone.
        force: confirms blasts, too.
        field: of an added cell; None where there is no picture.
        place: x and y of an added cell in px of the slide, or of its field image.
        box: x0, y0, x1, y1 of an added cell.
        elapsed: seconds that the decision took.
        digest: by which the same request is known.
    """

    id: str
    kind: str
    cells: tuple[int, ...]
    code: str | None
    text: str | None
    of: str | None
    force: bool
    field: int | None
    place: tuple[float, float] | None
    box: tuple[float, float, float, float] | None
    elapsed: float | None
    digest: str


def parse_events(given: Any) -> list[EventRequest]:
    """The events of a request.

    Args:
        given: plain data as it came in.

    Raises:
        FieldError: it is no list of events, or one of them is not as described.
    """
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_EVENTS:
        raise FieldError(f"`events` is no list of 1 to {MOST_EVENTS} events")
    return [_parsed(one, place) for place, one in enumerate(given)]


def _parsed(given: Any, place: int) -> EventRequest:
    at = f"event {place + 1}"
    if not isinstance(given, dict):
        raise FieldError(f"{at}: is no object")
    name, kind = given.get("id"), given.get("kind")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise FieldError(f"{at}: `id` is not 8 to 64 letters, digits, - or _")
    if kind not in KINDS:
        raise FieldError(f"{at}: `kind` is none of {', '.join(KINDS)}")
    cells = _cells(given, at) if kind not in ("add", "undo") else ()
    code = _code(given, at) if kind in ("label", "add") else None
    text = _comment(given, at) if kind == "comment" else None
    of = given.get("of")
    if kind == "undo" and not (isinstance(of, str) and _ID.fullmatch(of)):
        raise FieldError(f"{at}: `of` is not the id of an event")
    described = {key: value for key, value in given.items() if key != "elapsed"}
    try:
        digest = hashlib.sha256(canonical(described).encode()).hexdigest()[:16]
    except (ValueError, UnicodeEncodeError):
        raise FieldError(f"{at}: holds a number or letter that cannot be written") from None
    return EventRequest(
        name,
        kind,
        cells,
        code,
        text,
        of if kind == "undo" else None,
        given.get("force") is True,
        _field(given, at) if kind == "add" else None,
        _numbers(given, ("x", "y"), at) if kind == "add" else None,  # type: ignore[arg-type]
        _box(given, at) if kind == "add" else None,
        _elapsed(given),
        digest,
    )


def is_id(value: Any) -> bool:
    """Whether a value can be the id of a row."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST_ID


def _cells(given: Mapping[str, Any], at: str) -> tuple[int, ...]:
    cells = given.get("cells")
    if not isinstance(cells, list) or not 1 <= len(cells) <= MOST_CELLS:
        raise FieldError(f"{at}: `cells` is no list of 1 to {MOST_CELLS} ids")
    if not all(map(is_id, cells)):
        raise FieldError(f"{at}: `cells` holds what is no id")
    return tuple(dict.fromkeys(cells))


def _code(given: Mapping[str, Any], at: str) -> str:
    code = given.get("code")
    if not isinstance(code, str) or not 1 <= len(code) <= LONGEST_CODE:
        raise FieldError(f"{at}: `code` is no class")
    return code


def _comment(given: Mapping[str, Any], at: str) -> str | None:
    text = given.get("text")
    if not isinstance(text, str) or len(text) > LONGEST_COMMENT:
        raise FieldError(f"{at}: `text` is no text of at most {LONGEST_COMMENT} letters")
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in text):
        raise FieldError(f"{at}: `text` holds control characters")
    return clean_text(text) if text.strip() else None


def _field(given: Mapping[str, Any], at: str) -> int | None:
    value = given.get("field")
    if value is not None and not is_id(value):
        raise FieldError(f"{at}: `field` is no id")
    return value


def _numbers(given: Mapping[str, Any], names: Sequence[str], at: str) -> tuple[float, ...] | None:
    values = [given.get(name) for name in names]
    if all(value is None for value in values):
        return None
    return _finite(values, " and ".join(f"`{name}`" for name in names), at)


def _box(given: Mapping[str, Any], at: str) -> tuple[float, float, float, float] | None:
    values = given.get("box")
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != 4:
        raise FieldError(f"{at}: `box` is not x0, y0, x1, y1")
    x0, y0, x1, y1 = _finite(values, "`box`", at)
    if x1 <= x0 or y1 <= y0:
        raise FieldError(f"{at}: `box` is empty")
    return x0, y0, x1, y1


def _finite(values: Sequence[Any], what: str, at: str) -> tuple[float, ...]:
    for value in values:
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not math.isfinite(value) or abs(value) > 1e7:
            raise FieldError(f"{at}: {what} must be numbers in px")
    return tuple(float(value) for value in values)


def _elapsed(given: Mapping[str, Any]) -> float | None:
    value = given.get("elapsed")
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if value is None or not good or not 0 <= value < 86_400:
        return None
    return round(float(value), 3)
