"""Templates of this package → environment; pictures and figures → data URIs for one-file pages."""

import base64
import io
from functools import lru_cache
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure
from numpy.typing import NDArray

from marrowscope.io.image_encoding import encode_jpeg
from marrowscope.report.page_text import code_marks


@lru_cache(maxsize=1)
def _templates() -> PackageLoader:
    return PackageLoader("marrowscope.report", "templates")


def page_environment(**options: Any) -> Environment:
    """A new environment that escapes all text and knows the templates of the package.

    Args:
        options: of ``jinja2.Environment``.
    """
    environment = Environment(
        loader=_templates(), autoescape=True, undefined=StrictUndefined, **options
    )
    environment.filters["code_marks"] = code_marks
    return environment


def data_uri(data: bytes, kind: str) -> str:
    """A picture as text, so that a page needs no second file; ``kind`` is ``png`` or ``jpeg``."""
    return f"data:image/{kind};base64," + base64.b64encode(data).decode()


def image_uri(image: NDArray[np.uint8], quality: int) -> str:
    """An image (H, W, 3) uint8 RGB as JPEG of a quality from 1 to 100."""
    return data_uri(encode_jpeg(image, quality), "jpeg")


def figure_png(figure: Figure, dpi: int) -> bytes:
    """The figure as a PNG file."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi)
    return stream.getvalue()


def figure_uri(figure: Figure, dpi: int) -> str:
    """The figure as PNG."""
    return data_uri(figure_png(figure, dpi), "png")
