"""What `check` finds in a table."""

import polars as pl
import pytest

from marrowscope.dataset.contents import NO_IDS, check, id_warning
from marrowscope.morphology import CLASSES


def table(labels: list[str | None], **columns: list[object]) -> pl.DataFrame:
    names = [str(number) for number in range(len(labels))]
    base = {"cell_id": names, "path": [f"/d/{name}.jpg" for name in names]}
    return pl.DataFrame({**base, "label": pl.Series(labels, dtype=pl.String), **columns})


def test_every_class_stands_beside_its_published_count() -> None:
    result = check(table(["ABE"] * 8 + ["BLA"] * 2 + ["KSC"] * 43))
    found = {entry.code: (entry.images, entry.remark) for entry in result.classes}
    assert list(found) == [cell.code for cell in CLASSES]
    assert found["ABE"] == (8, "")
    assert found["BLA"] == (2, "11971 fewer than published")
    assert found["KSC"] == (43, "1 more than published")
    assert found["NGS"] == (0, "missing")


def test_missing_classes_and_classes_of_ones_own_are_said() -> None:
    result = check(table(["BLA", "cat", None]))
    assert result.unlabelled == 1
    assert result.classes[-1].remark == "not one of the study's classes"
    assert any("without any image: PMO" in line for line in result.warnings)
    assert any("classes of your own: cat (1)" in line for line in result.warnings)


def test_bad_files_are_listed_by_name_and_do_not_count() -> None:
    errors = [None, "empty file", "same content as /x, which is labelled LYT", "duplicate of /y"]
    result = check(table(["BLA"] * 4, error=errors))
    assert (result.rows, result.usable) == (4, 1)
    assert result.bad[0] == ("/d/1.jpg", "empty file")
    assert "Files with the content of a differently labelled file: 1." in result.warnings
    assert "Files that repeat another one of the same class: 1." in result.warnings


def test_sizes_and_conversions_are_counted() -> None:
    result = check(
        table(["BLA"] * 3, width=[250, 250, 300], height=[250, 250, 280], note=[None, "CMYK", None])
    )
    assert result.sizes == (("250×250", 2), ("300×280", 1))
    assert result.converted == (("CMYK", 1),)
    said = "Images that are not 250×250 px, which the networks see rescaled: 1."
    assert said in result.warnings


@pytest.mark.parametrize(
    ("ids", "counted", "warning"),
    [
        (None, {}, NO_IDS),
        (["P1", "P1", "P2"], {"patient_id": 2}, None),
        (["P1", None, "P1"], {"patient_id": 1}, "Only 2 of 3 images have a patient_id"),
        ([None, None, None], {"patient_id": 0}, NO_IDS),
    ],
)
def test_patients_are_counted_and_their_absence_is_loud(
    ids: list[str | None] | None, counted: dict[str, int], warning: str | None
) -> None:
    columns = {} if ids is None else {"patient_id": pl.Series(ids, dtype=pl.String)}
    cells = table(["BLA"] * 3, **columns)
    assert check(cells).ids == counted
    if warning is None:
        assert id_warning(cells) is None
        assert not any("patient" in line for line in check(cells).warnings)
    else:
        assert str(id_warning(cells)).startswith(warning)
        assert check(cells).warnings[0] == id_warning(cells)


def test_a_table_without_labels_sizes_or_errors_can_be_checked() -> None:
    result = check(pl.DataFrame({"cell_id": ["a"], "path": ["/a"]}))
    assert (result.usable, result.unlabelled, result.sizes, result.bad) == (1, 1, (), ())
