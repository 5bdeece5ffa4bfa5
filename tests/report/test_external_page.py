"""What the report of an external validation says, in numbers that were worked by hand."""

from pathlib import Path

import polars as pl
import pytest

from marrowscope.evaluation.external_validation import evaluate_external
from marrowscope.report.external_page import FIGURE, external_section, share_text
from support.external_cells import MAPPING, TABLE


def test_no_calls_agreement_and_lineage_are_told_beside_the_figure(tmp_path: Path) -> None:
    result = evaluate_external(TABLE, MAPPING)
    section = external_section(result, None, tmp_path)
    first = section.lines[0]
    assert first.startswith("No call for 29% of 7 cells")  # 2 of 7
    assert "60% agree" in first  # 3 of 5
    assert "80%" in first  # a promyelocyte is of the blast's lineage
    assert [picture.file for picture in section.pictures] == [FIGURE]
    assert (tmp_path / FIGURE).stat().st_size > 1000
    rows = {row[0]: row for row in section.tables[0].rows}
    assert set(rows) >= {"myeloblast", "neutrophil"}


@pytest.mark.usefixtures("blank_figures")
def test_each_laboratory_is_a_row_where_there_are_several(tmp_path: Path) -> None:
    owners = pl.Series("laboratory", ["Munich"] * 4 + ["Bonn"] * 4 + [None])
    section = external_section(
        evaluate_external(TABLE.with_columns(owners), MAPPING), None, tmp_path
    )
    bonn, munich = section.tables[1].rows
    assert bonn[:4] == ("Bonn", "3", "33%", "100% (34%–100%)")
    assert munich[:4] == ("Munich", "4", "25%", "33% (6%–79%)")
    assert len(external_section(evaluate_external(TABLE, MAPPING), None, tmp_path).tables) == 1


def test_a_share_is_told_in_per_cent() -> None:
    assert share_text(evaluate_external(TABLE, MAPPING).agreement) == "60%"
