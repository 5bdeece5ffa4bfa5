"""A fragment for a notebook: no script, everything escaped, synthetic data called so."""

from types import SimpleNamespace

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.report.notebook_html import NotebookTable, notebook_html

TABLE = NotebookTable(("class", "cells"), (("class", "lymphocyte", ("12",)),))


def test_title_permitted_use_tables_tiles_and_remarks_are_there() -> None:
    tile = SimpleNamespace(label="Blasts", value="3 %", lines=("of 500 cells",))
    html = notebook_html("Smear 1", [TABLE], ["Few cells."], [tile])
    for text in ("Smear 1", RESEARCH_USE_ONLY, "lymphocyte", "12", "Few cells.", "3 %", "of 500"):
        assert text in html
    assert "synthetic" not in html
    assert "synthetic" in notebook_html("Smear 1", [TABLE], synthetic=True)


def test_names_of_users_are_text_and_not_markup() -> None:
    evil = "<script>alert(1)</script>"
    html = notebook_html(evil, [NotebookTable((evil,), (("", evil, (evil,)),))], [evil])
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 5
