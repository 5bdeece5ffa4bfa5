"""Plain data ↔ JSON text: what is written is finite; what is read from others is bounded."""

import json
import math
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 40  # lists and objects within each other
_MAX_DIGITS = 19  # of a whole number: what 64 bits hold


class JsonError(ValueError):
    """Text that is no JSON, or none that anyone needs; says what is wrong in a few words."""


def finite(value: Any) -> Any:
    """Plain data with None in place of NaN and infinity, for which JSON has no word.

    Args:
        value: a number, text, or mappings, lists and tuples of such; tuples become lists.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: finite(one) for key, one in value.items()}
    return [finite(one) for one in value] if isinstance(value, list | tuple) else value


def json_text(data: Any, indent: int | None = 2) -> str:
    """JSON of plain data, for a file or a terminal: UTF-8 letters as they are, a final newline.

    Raises:
        ValueError: a number is not finite; see ``finite``.
    """
    return json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def parse_json(data: bytes) -> Any:
    """JSON from a file of others as plain data.

    Raises:
        JsonError: not UTF-8, not JSON, a key twice in an object, a number that is not finite or
            too large, or nested too deeply.
    """
    try:
        content = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_int=_whole,
            parse_float=_finite_number,
            parse_constant=_finite_number,
        )
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise JsonError("nested too deeply") from None
    except JsonError:
        raise
    except ValueError as error:
        raise JsonError(" ".join(str(error).split())[:120]) from None
    _require_shallow(content)
    return content


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise JsonError(f"key {twice[:60]!r} stands there twice")
    return found


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise JsonError(f"a number of {len(text)} digits")
    return int(text)


def _finite_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JsonError(f"a number that is not finite ({text[:20]})")
    return number


def _require_shallow(content: Any) -> None:
    level, depth = [content], 0
    while level:
        if depth >= MAX_DEPTH:
            raise JsonError("nested too deeply")
        inside = (
            one.values() if isinstance(one, dict) else one
            for one in level
            if isinstance(one, dict | list)
        )
        level, depth = [part for parts in inside for part in parts], depth + 1
