"""Sets of phantom fields: repeatable, different from each other, careful with folders."""

from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_fields import summary, vary_settings, write_fields

TINY = FieldSettings(width=400, height=300, cells_per_mm2=3000, microns_per_pixel=0.2)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix in (".jpg", ".png")}


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_fields(tmp_path / name, 2, TINY, seed=4)
    write_fields(tmp_path / "c", 2, TINY, seed=5)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")
    assert len(contents(tmp_path / "a")) == 2 * 4


def test_fields_of_a_set_differ_unless_asked_not_to() -> None:
    several = [vary_settings(TINY, 0, number) for number in range(1, 30)]
    assert len({own.cells_per_mm2 for own in several}) == 29
    for name in ("particles", "fat_holes", "out_of_focus", "stain_gradient"):
        with_it = sum(getattr(own, name) > 0 for own in several)
        assert 1 <= with_it <= 15
    assert len({own.style.light for own in several if own.style is not None}) == 29


def test_the_summary_counts_cells_and_the_rest(tmp_path: Path) -> None:
    table = write_fields(tmp_path / "a", 3, TINY, vary=False)
    numbers = summary(table)
    assert numbers["fields"] == 3
    assert numbers["cells"] + numbers["other"] == table.height


def test_a_set_may_be_replaced_but_nothing_else(tmp_path: Path) -> None:
    write_fields(tmp_path / "a", 2, TINY)
    write_fields(tmp_path / "a", 1, TINY)
    assert len(contents(tmp_path / "a")) == 4
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="holds something else"):
        write_fields(tmp_path / "b", 1, TINY)


def test_no_fields_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 fields"):
        write_fields(tmp_path / "a", 0, TINY)
