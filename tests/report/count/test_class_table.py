"""The table of a count: by lineage, with sub-totals and a total."""

from hypothesis import given
from hypothesis import strategies as st

from marrowscope.differential.differential_count import differential
from marrowscope.morphology import CODES
from marrowscope.report.count.class_table import TableRow, table_rows
from support.count_rows import KNOWN, counted


def test_the_table_goes_by_lineage_with_sub_totals_and_a_total() -> None:
    result = differential(counted({"BLA": 1, "NGS": 1, "LYT": 1, "NIF": 4}), known=KNOWN)
    rows = table_rows(result)
    assert [(row.kind, row.code or row.name, row.count) for row in rows] == [
        ("class", "BLA", 1), ("class", "NGS", 1), ("lineage", "myeloid cells", 2),
        ("class", "EBO", 0), ("lineage", "erythroid cells", 0),
        ("class", "LYT", 1), ("lineage", "lymphoid cells", 1),
        ("total", "all countable cells", 3),
    ]  # fmt: skip
    assert [row.percent for row in rows] == [
        "33.4", "33.3", "66.7", "0.0", "0.0", "33.3", "33.3", "100.0",
    ]  # fmt: skip
    assert rows[0].interval == "6.1–79.2"  # Wilson 1 of 3
    assert {row.corrected for row in rows} == {"–"}


@given(st.lists(st.integers(0, 900), min_size=len(CODES), max_size=len(CODES)))
def test_what_is_shown_sums_up_whatever_is_counted(numbers: list[int]) -> None:
    table = counted(dict(zip(CODES, numbers, strict=True)))
    rows = table_rows(differential(table, known=CODES))
    total, classes = rows[-1], [row for row in rows if row.kind == "class"]
    if not total.count:
        assert {row.percent for row in rows} == {"–"}
        return

    def tenths(of: list[TableRow]) -> int:
        return sum(round(10 * float(row.percent)) for row in of)

    assert tenths(classes) == 1000
    assert total.percent == "100.0"
    for group in (row for row in rows if row.kind == "lineage"):
        members = [row for row in classes if row.lineage == group.lineage]
        assert tenths(members) == tenths([group])
        assert sum(row.count for row in members) == group.count
