"""Results as plain data → JSON text; a number that does not exist or is infinite becomes null."""

import json
import math
from collections.abc import Mapping
from typing import Any


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
