"""Sections → the report of a reproduction as one self-contained page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.io.atomic import replacing
from marrowscope.report.html import data_uri, page_environment
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
    environment = page_environment()
    environment.filters["uri"] = lambda name: data_uri((folder / name).read_bytes(), "png")
    page = environment.get_template("study.html").render(
        title=title, sections=sections, facts=facts, research=RESEARCH_USE_ONLY
    )
    path = folder / "report.html"
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")
    return path
