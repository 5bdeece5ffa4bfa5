"""The tiles at the head of a count: blasts, ratio, bounds."""

from dataclasses import replace

from marrowscope.differential.differential_count import differential
from marrowscope.report.count.class_table import table_rows
from marrowscope.report.count.headline_tiles import headline_tiles
from support.count_rows import KNOWN, counted
from support.counts import a_count


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
