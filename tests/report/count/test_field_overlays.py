"""Boxes of cells on the pictures of their fields."""

from marrowscope.counting.smear_count import CountedField
from marrowscope.report.count.field_overlays import cell_boxes, legend
from support.count_rows import placed


def test_boxes_lie_in_pixels_of_their_field() -> None:
    cells = placed(
        [
            ("a", 1010.0, "BLA", 0.9, "counted"),
            ("b", 1100.0, "LYT", 0.6, "counted"),
            ("c", 1200.0, "NGS", 0.4, "not classified"),
            ("d", 1300.0, "ART", 0.8, "not counted"),
            ("e", 1400.0, None, None, "left out"),
            ("bare", 1500.0, "LYT", 0.9, "left out"),
            ("g", 1600.0, "BLA", 0.9, "novel"),
        ]
    )
    field = CountedField(0, "f", 1000, 150, 600, 500, 5, 2, b"")
    found = cell_boxes(field, cells)
    assert [(one.x, one.y, one.width, one.height) for one in found[:2]] == [
        (10, 50, 40, 40), (100, 50, 40, 40),
    ]  # fmt: skip
    assert [one.label for one in found] == [
        "BLA", "LYT", "NGS", "ART", "", "naked nucleus", "?",
    ]  # fmt: skip
    assert found[0].words == "blast, p 0.90"
    assert found[2].words == "segmented neutrophil, p 0.40, not classified"
    kinds = [(one.style.colour, one.style.dashes, one.style.width) for one in found]
    assert found[5].words == "naked nucleus, left out"
    assert found[6].words == "unlike anything that the model knows; its answer was blast, p 0.90"
    assert len(set(kinds)) == 7
    blast, cell = found[0].style, found[1].style
    assert blast.width > cell.width
    # Without colours the parts differ still.
    assert len({(one.style.dashes, one.style.width) for one in found}) == 7
    assert [one.key for one in legend({"left out", "blasts"})] == ["blasts", "left out"]
