"""Title, figures, tables and remarks come in; a fragment of HTML for a notebook comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.report.page_text import code_marks


@dataclass(frozen=True)
class NotebookTable:
    """A table of a few lines.

    Attributes:
        head: of the columns; empty for facts, a name and a text on each line.
        rows: kind (``class``, ``lineage``, ``total`` or empty), first cell, and the others.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]


def notebook_html(
    title: str,
    tables: Sequence[NotebookTable],
    remarks: Sequence[str] = (),
    tiles: Sequence[Any] = (),
    synthetic: bool = False,
) -> str:
    """A fragment without script or picture, in the colours of the notebook around it.

    Args:
        title: its first line; the permitted use is the second.
        tables: below everything else.
        remarks: what must be read before the numbers.
        tiles: head figures, each with ``label``, ``value`` and ``lines``.
        synthetic: whether the model learned from synthetic cells.
    """
    template = files("marrowscope.report").joinpath("templates/notebook.html")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["code_marks"] = code_marks
    return environment.from_string(template.read_text("utf-8")).render(
        title=title,
        tables=tables,
        remarks=remarks,
        tiles=tiles,
        synthetic=synthetic,
        research_use_only=RESEARCH_USE_ONLY,
    )
