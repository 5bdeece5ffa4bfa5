"""The folder of suspects: list, page, sheet; what is not overwritten; the way back."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marrowscope.dataset.label_corrections import read_corrections, relabel
from marrowscope.errors import InputError
from marrowscope.evaluation.label_issues import LabelIssues, find_label_issues
from marrowscope.io.image_encoding import encode_jpeg
from marrowscope.report.label_issue_pages import sheet_figure, write_label_issues


def cells(folder: Path, codes: tuple[str, str] = ("BLA", "PMO")) -> pl.DataFrame:
    """Forty cells of two classes; the first two of each are labelled as the other."""
    rows = []
    for place in range(40):
        truth = place % 2
        label = 1 - truth if place < 4 else truth
        path = folder / f"{place}.jpg"
        if place:  # the first has no file
            path.write_bytes(encode_jpeg(np.full((250, 250, 3), 5 * place, np.uint8)))
        rows.append({"cell_id": f"c{place}", "path": str(path), "label": codes[label],
                     **{f"p_{code}": 0.9 if truth == k else 0.1
                        for k, code in enumerate(codes)}})  # fmt: skip
    return pl.DataFrame(rows)


@pytest.fixture
def found(tmp_path: Path) -> LabelIssues:
    return find_label_issues(cells(tmp_path))


def test_list_page_sheet_and_facts_agree(found: LabelIssues, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_label_issues(found, folder, "Doubts <b>")
    listed = pl.read_csv(folder / "suspects.csv")
    assert set(listed["cell_id"]) == {"c0", "c1", "c2", "c3"}
    assert listed.columns[-1] == "corrected"
    page = (folder / "suspects.html").read_text()
    assert page.count("data:image/jpeg") == 3
    assert "image not readable" in page
    assert "Doubts &lt;b&gt;" in page
    assert "Research use only" in page
    assert "http" not in page.replace("http-equiv", "")
    facts = json.loads((folder / "suspects.json").read_text())
    assert facts["listed"] == 4
    assert (folder / "suspects.png").read_bytes().startswith(b"\x89PNG")


def test_laboratories_are_told_apart_where_there_are_several(tmp_path: Path) -> None:
    half = pl.when(pl.int_range(pl.len()) < 20).then(pl.lit("Bonn")).otherwise(pl.lit("Ulm <b>"))
    table, folder = cells(tmp_path).with_columns(laboratory=half), tmp_path / "out"
    write_label_issues(find_label_issues(table), folder, "Doubts")
    page = (folder / "suspects.html").read_text()
    assert "<td>Bonn</td><td>20</td>" in page
    assert "<td>Ulm &lt;b&gt;</td><td>20</td>" in page
    assert "c1 · Bonn" in page
    facts = json.loads((folder / "suspects.json").read_text())["laboratories"]
    assert [(one["name"], one["listed"]) for one in facts] == [("Bonn", 4), ("Ulm <b>", 0)]
    listed = pl.read_csv(folder / "suspects.csv")
    assert listed["laboratory"].to_list() == ["Bonn"] * 4
    assert listed.columns[-1] == "corrected"
    assert read_corrections(folder / "suspects.csv") == ()


def test_an_untouched_list_comes_back_as_no_correction_and_a_filled_one_as_labels(
    found: LabelIssues, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    write_label_issues(found, folder, "x")
    path = folder / "suspects.csv"
    assert read_corrections(path) == ()
    found.table.with_columns(corrected=pl.col("suggested")).write_csv(path)
    result = relabel(cells(tmp_path), [(path, read_corrections(path))])
    assert result.changed == 4
    labels = result.table["label"].to_list()
    assert labels == ["BLA", "PMO"] * 20


def test_corrections_and_foreign_files_are_never_overwritten(
    found: LabelIssues, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    write_label_issues(found, folder, "x")
    write_label_issues(found, folder, "x")  # nobody has worked on it
    found.table.with_columns(corrected=pl.col("suggested")).write_csv(folder / "suspects.csv")
    with pytest.raises(InputError, match="4 corrections, which would be lost"):
        write_label_issues(found, folder, "x")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds notes\.txt"):
        write_label_issues(found, folder, "x")


def test_no_suspects_make_an_empty_sheet_that_can_be_made_again(
    found: LabelIssues, tmp_path: Path
) -> None:
    rows = cells(tmp_path).with_columns(
        label=pl.when(pl.col("p_BLA") > 0.5).then(pl.lit("BLA")).otherwise(pl.lit("PMO"))
    )
    none = find_label_issues(rows)
    write_label_issues(none, tmp_path / "out", "x")
    write_label_issues(none, tmp_path / "out", "x")
    assert "0 of 40 labels" in (tmp_path / "out/suspects.html").read_text()


def test_class_names_in_any_script_are_drawn(tmp_path: Path) -> None:
    odd = find_label_issues(cells(tmp_path, ("$x_1$", "芽球")))
    sheet_figure(odd, {}).savefig(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 5_000
