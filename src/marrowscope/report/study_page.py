"""The report of a reproduction: one self-contained page of sections."""

import base64
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.io.atomic import replacing
from marrowscope.report.sections import Section


def write_study_page(
    sections: Sequence[Section], folder: Path, title: str, facts: dict[str, Any]
) -> Path:
    """Write ``report.html`` into a folder; the figures are put into the page.

    Args:
        sections: in their order.
        folder: that the file names of pictures and links are relative to.
        title: of the page.
        facts: name and value, shown at the top.

    Raises:
        InputError: the page cannot be written.
    """
    template = files("marrowscope.report").joinpath("templates/study.html").read_text("utf-8")
    environment = Environment(
        loader=DictLoader({"page": template}), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["uri"] = lambda name: _uri(folder / name)
    page = environment.get_template("page").render(
        title=title, sections=sections, facts=facts, research=RESEARCH_USE_ONLY
    )
    path = folder / "report.html"
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")
    return path


def _uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
