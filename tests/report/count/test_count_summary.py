"""A count in a notebook: head figures, classes by lineage, and what must be said."""

from marrowscope.report.count.count_summary import count_summary
from support.counts import a_count


def test_classes_lineages_and_remarks_are_there() -> None:
    count = a_count(1, 700, 600, corrected=True)
    html = count_summary(count)
    assert f"Differential count: {count.name}" in html
    for remark in count.remarks:
        assert remark in html
    entry = max(count.differential.classes, key=lambda one: one.count)
    assert entry.name in html
    assert f"{entry.count:,}" in html
    assert "corrected %" in html
    assert "Not known to" not in html


def test_classes_that_the_model_cannot_find_are_named() -> None:
    html = count_summary(a_count(1, 700, 600, known=("NGS", "LYT", "BLA"), corrected=False))
    assert "Not known to a-model, so never found: " in html
    assert "corrected %" not in html
