"""The gallery of a count: the most and the least certain cells of each class."""

import polars as pl

from marrowscope.report.count.cell_gallery import class_galleries
from support.count_rows import placed


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


def test_cells_unlike_anything_known_come_first_and_in_no_class() -> None:
    rows = [(f"c{number}", 0.0, "BLA", 0.9, "novel") for number in range(3)]
    cells = placed([*rows, ("d", 0.0, "BLA", 0.8, "counted")]).with_columns(  # type: ignore[list-item]
        novelty=pl.Series([3.0, 9.0, 5.0, 1.0]), novel=pl.Series([True, True, True, False])
    )
    novel, blasts = class_galleries(cells, dict.fromkeys(cells["cell_id"], b"jpeg"), 2)
    assert (novel.name, novel.total) == ("Unlike anything that the model knows", 3)
    assert novel.novel
    assert not novel.counted
    assert [one.cell_id for one in (*novel.most, *novel.least)] == ["c1", "c2", "c0"]
    assert novel.most[0].note == "answer BLA"
    assert (blasts.code, blasts.total, blasts.novel) == ("BLA", 1, False)
