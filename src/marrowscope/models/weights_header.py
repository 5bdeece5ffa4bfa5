"""Whether a safetensors file can be what it says, from its header alone.

The header is a length of 8 bytes and JSON that says of every tensor its type, its shape and where
it lies; the tensors fill the rest of the file (safetensors format, Hugging Face 2022). So a file of
gigabytes that is no such file is refused before it is read.
"""

import math
from pathlib import Path
from typing import Any

from marrowscope.errors import InputError
from marrowscope.io.json_data import JsonError, parse_json

_MAX_HEADER = 20_000_000
_BYTES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "U16": 2,
    "U32": 4,
    "U64": 8,
    "BOOL": 1,
}


def require_header(path: Path, limit: int) -> None:
    """Refuse a file whose header does not fit it.

    Args:
        path: a regular file.
        limit: bytes that it may have.

    Raises:
        InputError: too large, not a safetensors file, or cut off.
    """
    try:
        size = path.stat().st_size
        if size > limit:
            raise InputError(f"{path}: larger than {limit / 1e6:.0f} MB")
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if size < 10 or not 2 <= length <= min(_MAX_HEADER, size - 8):
                raise InputError(f"{path}: not a safetensors file (no header)")
            header = parse_json(stream.read(length))
    except JsonError as error:
        raise InputError(f"{path}: not a safetensors file ({error})") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    problem = _problem(header, size - 8 - length)
    if problem is not None:
        raise InputError(f"{path}: not a safetensors file ({problem})")


def _problem(header: Any, data: int) -> str | None:
    if not isinstance(header, dict):
        return "the header is no object"
    spans = []
    for name, facts in header.items():
        if name == "__metadata__":
            continue
        span = _span(facts)
        if span is None:
            return f"tensor {name[:60]!r} is described wrongly"
        spans.append(span)
    place = 0
    for start, end in sorted(spans):
        if start != place:
            return "its tensors do not lie side by side"
        place = end
    return None if place == data else f"its tensors need {place} bytes, {data} are there"


def _span(facts: Any) -> tuple[int, int] | None:
    """First byte and end of a tensor; None where its description makes no sense."""
    if not isinstance(facts, dict):
        return None
    shape, span = (_whole_numbers(facts.get(name)) for name in ("shape", "data_offsets"))
    kind = facts.get("dtype")
    if (
        shape is None
        or span is None
        or len(span) != 2
        or not isinstance(kind, str)
        or kind not in _BYTES
    ):
        return None
    fits = span[1] - span[0] == math.prod(shape) * _BYTES[kind]
    return (span[0], span[1]) if fits else None


def _whole_numbers(value: Any) -> list[int] | None:
    if not isinstance(value, list) or not all(type(one) is int and one >= 0 for one in value):
        return None
    return value
