"""Arguments that many functions take; what is wrong with a table is said with its file's name."""

from pathlib import Path

import polars as pl
import pytest

from marrowscope.api.arguments import begin, class_codes, naming, tolerated_pairs
from marrowscope.errors import InputError, TableError
from marrowscope.morphology import TOLERATED


def test_an_error_about_a_table_begins_with_its_files() -> None:
    said = r"^a\.parquet, b\.csv: the table has no labels$"
    with pytest.raises(InputError, match=said), naming(Path("a.parquet"), "b.csv"):
        raise TableError("the table has no labels")


def test_an_error_that_is_not_about_the_table_stays_as_it_is() -> None:
    with pytest.raises(InputError, match=r"^`by_list`: not there$"), naming(Path("a.parquet")):
        raise InputError("`by_list`: not there")


def test_a_table_in_memory_has_no_name() -> None:
    with pytest.raises(InputError, match=r"^no labels$"), naming(pl.DataFrame()):
        raise TableError("no labels")


def test_classes_are_a_list_or_a_text_with_commas() -> None:
    assert class_codes("BLA, PMO,,BLA") == class_codes(["BLA", "PMO"]) == ("BLA", "PMO")
    assert class_codes(None) is None
    assert class_codes(" , ") == ()


def test_tolerated_pairs_are_given_read_or_those_of_the_study(tmp_path: Path) -> None:
    (tmp_path / "pairs.yaml").write_text("[[BLA, PMO]]")
    expected = frozenset({frozenset({"BLA", "PMO"})})
    assert tolerated_pairs([("PMO", "BLA")]) == tolerated_pairs(tmp_path / "pairs.yaml") == expected
    assert tolerated_pairs(None) is TOLERATED


def test_work_that_begins_is_shown_before_any_of_it_is_done() -> None:
    seen: list[tuple[str, int]] = []
    begin(lambda name: lambda count=1, /, *, total=None: seen.append((name, count)), "reading")
    assert seen == [("reading", 0)]
    begin(None, "reading")(5, total=7)
