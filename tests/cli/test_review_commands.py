"""marrowscope audit, as a user types it."""

import json
import sqlite3
from pathlib import Path

import pytest

from marrowscope.review.database.connection import open_database
from marrowscope.review.database.schema_upgrade import upgrade_schema
from support.command_shell import Shell
from support.review_smears import new_smear


@pytest.fixture
def reviewed(tmp_path: Path) -> Path:
    opened = open_database(tmp_path / "review.sqlite")
    upgrade_schema(opened)
    new_smear(opened)
    opened.close()
    return tmp_path / "review.sqlite"


def test_a_whole_database_is_told_with_the_hash_to_note(reviewed: Path, shell: Shell) -> None:
    told = shell("audit", reviewed, "--json")
    found = json.loads(told.out)
    assert (found["whole"], found["events"]) == (True, 2)
    assert f"the hash of all is {found['head']}" in told.err


def test_a_change_is_an_error(reviewed: Path, shell: Shell) -> None:
    with sqlite3.connect(reviewed) as other:
        other.execute("DROP TRIGGER event_no_update")
        other.execute("UPDATE event SET kind = 'old' WHERE number = 1")
    told = shell("audit", reviewed, status=1)
    assert told.err == "chain 1, event 1: was changed after it was written\n"


def test_what_is_no_database_of_reviews_is_one_line(tmp_path: Path, shell: Shell) -> None:
    told = shell("audit", tmp_path / "none.sqlite", status=1).err
    assert told == f"marrowscope: {tmp_path / 'none.sqlite'}: no such file\n"
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE bills (amount REAL)")
    told = shell("audit", tmp_path / "other.sqlite", status=1).err
    assert told.endswith("other.sqlite: is not the database of a review\n")
