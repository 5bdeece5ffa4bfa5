"""Sections with lines, tables and figures → the report of a study as one self-contained page.

Sections are plain data, to and from JSON.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.io.atomic import replacing
from marrowscope.report.html import data_uri, page_environment


@dataclass(frozen=True)
class Table:
    """A table as shown: texts only, numbers already written out."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SectionFigure:
    """A figure: PNG file relative to the folder of the report, and what it shows."""

    caption: str
    file: str


@dataclass(frozen=True)
class Section:
    """One part of the report.

    Attributes:
        title: what was done.
        study: what the study has in its place, for example "Table 1".
        lines: sentences.
        tables: as shown.
        pictures: as shown.
        missing: what could not be reproduced and why; sentences.
        links: (text, file relative to the folder of the report).
    """

    title: str
    study: str
    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[SectionFigure, ...] = ()
    missing: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def section_from_dict(content: dict[str, Any]) -> Section:
    """Plain data back to a section; the inverse of ``to_dict`` after JSON."""
    return Section(
        title=content["title"],
        study=content["study"],
        lines=tuple(content["lines"]),
        tables=tuple(
            Table(one["caption"], tuple(one["head"]), tuple(tuple(row) for row in one["rows"]))
            for one in content["tables"]
        ),
        pictures=tuple(SectionFigure(one["caption"], one["file"]) for one in content["pictures"]),
        missing=tuple(content["missing"]),
        links=tuple((text, file) for text, file in content["links"]),
    )


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
