"""The tutorial is a notebook that runs from its first cell to its last."""

from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tutorial.md"


@pytest.mark.slow
def test_the_tutorial_runs_and_shows_a_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import jupytext
    from nbclient import NotebookClient

    import marrowscope

    monkeypatch.setenv("PYTHONPATH", str(Path(marrowscope.__file__).parents[1]))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    book = jupytext.read(PAGE)
    NotebookClient(book, timeout=400, kernel_name="python3").execute(cwd=str(tmp_path))
    shown = [
        output["data"].get("text/html", "")
        for cell in book.cells
        for output in cell.get("outputs", ())
        if "data" in output
    ]
    assert any("Differential count: fields" in page for page in shown)
    assert any("macro-F1" in page for page in shown)
