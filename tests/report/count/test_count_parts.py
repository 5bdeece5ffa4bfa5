"""Parts of the page of a count: table, tiles, boxes on fields, the gallery, the figure."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowscope.counting.smear_count import CountedField
from marrowscope.differential.differential_count import differential
from marrowscope.morphology import CODES
from marrowscope.report.count.cell_gallery import class_galleries
from marrowscope.report.count.class_table import TableRow, table_rows
from marrowscope.report.count.field_overlays import cell_boxes, legend
from marrowscope.report.count.headline_tiles import headline_tiles
from marrowscope.report.count.interval_figure import interval_figure
from support.counts import a_count

KNOWN = ("BLA", "NGS", "EBO", "LYT", "NIF", "ART")


def counted(numbers: dict[str, int]) -> pl.DataFrame:
    codes = [code for code, number in numbers.items() for _ in range(number)]
    return pl.DataFrame({"predicted": codes}, schema={"predicted": pl.String})


def placed(rows: list[tuple[str, float, str | None, float | None, str]]) -> pl.DataFrame:
    """Cells as (id, x0, predicted, confidence, role), 40 px wide."""
    table = pl.DataFrame(
        rows,
        schema={"cell_id": pl.String, "x0": pl.Float64, "predicted": pl.String,
                "confidence": pl.Float32, "role": pl.String},
        orient="row",
    )  # fmt: skip
    return table.with_columns(
        field_id=pl.lit("f"), y0=pl.lit(200.0), x1=pl.col("x0") + 40, y1=pl.lit(240.0),
        p_BLA=pl.lit(0.3, pl.Float32), p_NGS=pl.lit(0.6, pl.Float32), p_LYT=pl.lit(0.1, pl.Float32),
        kind=pl.when(pl.col("cell_id") == "bare").then(pl.lit("naked nucleus"))
        .otherwise(pl.lit("cell")),
    )  # fmt: skip


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


def test_the_tiles_give_blasts_ratio_and_bounds() -> None:
    count = a_count(fields=1)
    table = counted({"BLA": 25, "NGS": 275, "EBO": 100, "LYT": 100, "NIF": 25})
    result = differential(table, known=KNOWN)
    values = [(one.value, one.lines) for one in headline_tiles(replace(count, differential=result))]
    assert values == [
        ("500", ("of 525 looked at, in 1 field", "wanted: 500")),
        ("5.0 %", ("95 % interval 3.4 to 7.3 (Wilson)",)),
        ("3.0", ("95 % interval 2.4 to 3.8",)),
        ("25 of 525", ("blasts 4.8 % or 9.5 %, if none or all of them are blasts",)),
    ]


def test_the_tile_of_blasts_and_the_table_agree_on_the_corrected_share() -> None:
    count = a_count()
    (row,) = [one for one in table_rows(count.differential) if one.code == "BLA"]
    low, high = row.corrected_interval.split("–")
    assert f"corrected: {row.corrected} % ({low} to {high})" in headline_tiles(count)[1].lines


def test_tiles_without_erythroblasts_or_cells_make_nothing_up() -> None:
    count = a_count(fields=1)
    only = differential(counted({"NGS": 100}), known=KNOWN)
    ratio = headline_tiles(replace(count, differential=only))[2]
    assert ratio.value == "–"
    assert ratio.lines[0].startswith("no erythroblasts (at least")
    none = differential(counted({}), known=KNOWN)
    assert [one.value for one in headline_tiles(replace(count, differential=none))] == [
        "0",
        "no cells",
        "–",
        "0 of 0",
    ]


def test_boxes_lie_in_pixels_of_their_field() -> None:
    cells = placed(
        [
            ("a", 1010.0, "BLA", 0.9, "counted"),
            ("b", 1100.0, "LYT", 0.6, "counted"),
            ("c", 1200.0, "NGS", 0.4, "not classified"),
            ("d", 1300.0, "ART", 0.8, "not counted"),
            ("e", 1400.0, None, None, "left out"),
            ("bare", 1500.0, "LYT", 0.9, "left out"),
        ]
    )
    field = CountedField(0, "f", 1000, 150, 600, 500, 5, 2, b"")
    found = cell_boxes(field, cells)
    assert [(one.x, one.y, one.width, one.height) for one in found[:2]] == [
        (10, 50, 40, 40), (100, 50, 40, 40),
    ]  # fmt: skip
    assert [one.label for one in found] == ["BLA", "LYT", "NGS", "ART", "", "naked nucleus"]
    assert found[0].words == "blast, p 0.90"
    assert found[2].words == "segmented neutrophil, p 0.40, not classified"
    kinds = [(one.style.colour, one.style.dashes, one.style.width) for one in found]
    assert found[5].words == "naked nucleus, left out"
    assert len(set(kinds)) == 6
    blast, cell = found[0].style, found[1].style
    assert blast.width > cell.width
    # Without colours the parts differ still.
    assert len({(one.style.dashes, one.style.width) for one in found}) == 6
    assert [one.key for one in legend({"left out", "blasts"})] == ["blasts", "left out"]


def test_a_shelf_has_the_most_and_the_least_certain_and_no_cell_twice() -> None:
    rows = [(f"c{number}", 0.0, "NGS", number / 10, "counted") for number in range(10)]
    cells = placed([*rows, ("x", 0.0, "BLA", 0.5, "counted")])  # type: ignore[list-item]
    pictures = {f"c{number}": b"jpeg" for number in range(1, 10)}
    (shelf,) = class_galleries(cells, pictures, 3)
    assert (shelf.code, shelf.total, shelf.counted) == ("NGS", 10, True)
    assert [one.cell_id for one in shelf.most] == ["c9", "c8", "c7"]
    assert [one.cell_id for one in shelf.least] == ["c1", "c2", "c3"]
    assert shelf.most[0].second == "BLA 0.30"
    (few,) = class_galleries(cells, pictures, 5)
    assert len(few.most) + len(few.least) == 9
    assert {one.cell_id for one in few.most}.isdisjoint(one.cell_id for one in few.least)


def test_counted_classes_come_first_and_a_cell_outside_of_the_count_says_so() -> None:
    cells = placed(
        [
            ("a", 0.0, "ART", 0.9, "not counted"),
            ("b", 0.0, "LYT", 0.4, "not classified"),
            ("c", 0.0, "BLA", 0.9, "counted"),
            ("d", 0.0, "NIF", 0.9, "not classified"),
        ]
    )
    found = class_galleries(cells, dict.fromkeys("abcd", b"jpeg"), 4)
    assert [one.code for one in found] == ["BLA", "LYT", "ART", "NIF"]
    assert [one.most[0].note for one in found] == ["", "not classified", "", ""]


@pytest.mark.parametrize("name", ["$\\frac{", "細胞", "long " * 60, "\x1b[31m"])
def test_the_figure_takes_any_name(name: str, tmp_path: Path) -> None:
    result = differential(counted({"NGS": 5, name: 3}), known=(*KNOWN, name))
    interval_figure(result).savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000


def test_the_figure_shows_every_class_of_the_table_and_both_estimates() -> None:
    result = a_count().differential
    figure = interval_figure(result)
    (axes,) = figure.axes
    names = [row.name for row in table_rows(result) if row.kind == "class"]
    assert [label.get_text() for label in axes.get_yticklabels()] == names
    assert len(axes.containers) == 2
    points = axes.containers[0][0].get_xdata()
    assert points == pytest.approx([100 * entry.counted.value for entry in result.classes])
    alone = interval_figure(differential(counted({"NGS": 5}), known=KNOWN))
    assert len(alone.axes[0].containers) == 1
