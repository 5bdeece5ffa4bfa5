"""Text of messages and users goes in, text that a page can show comes out."""

import re
import unicodedata

from markupsafe import Markup, escape

_NAME = re.compile(r"`([^`\n]+)`")


def writable(text: str) -> str:
    """Text without control characters and half letters, which no page can show."""
    if text.isprintable():
        return text
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)


def code_marks(text: str) -> Markup:
    """A remark as HTML: arguments of functions, which stand in backticks, are code."""
    return Markup(_NAME.sub(r"<code>\1</code>", str(escape(writable(text)))))
