"""What is wrong with a table is said with the name of its file; other errors stay as they are."""

from pathlib import Path

import pytest

from marrowscope.cli.table_errors import naming
from marrowscope.errors import InputError, TableError


def test_an_error_about_a_table_begins_with_its_file() -> None:
    said = r"^a\.parquet, b\.csv: the table has no labels$"
    with pytest.raises(InputError, match=said), naming(Path("a.parquet"), "b.csv"):
        raise TableError("the table has no labels")


def test_an_error_that_mentions_a_table_stays_as_it_is() -> None:
    with pytest.raises(InputError, match=r"^--list: not in the table$"), naming(Path("a.parquet")):
        raise InputError("--list: not in the table")
