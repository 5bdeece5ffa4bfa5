"""Databases are opened by path or address; one server serves an SQLite file."""

from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa

from marrowscope.errors import InputError
from marrowscope.review.database.connection import Database, open_database
from marrowscope.review.database.tables import chain


def test_two_servers_on_one_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "review.sqlite"
    first = open_database(path)
    with pytest.raises(InputError, match="is open in another server"):
        open_database(path)
    first.close()
    open_database(path).close()


def test_a_look_at_it_is_allowed_beside_the_server(tmp_path: Path) -> None:
    first = open_database(tmp_path / "review.sqlite")
    open_database(tmp_path / "review.sqlite", alone=False).close()
    first.close()


@pytest.mark.parametrize("address", ["postgresql://", "mysql://root@host/reviews", "no such://x"])
def test_an_address_that_cannot_be_used_is_one_line(address: str) -> None:
    with pytest.raises(InputError) as caught:
        open_database(address)
    assert "\n" not in str(caught.value)


def test_a_password_is_not_in_the_message() -> None:
    with pytest.raises(InputError) as caught:
        open_database("postgresql://anna:secret@127.0.0.1:1/reviews?connect_timeout=1")
    assert "cannot be opened" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        open_database(tmp_path / "none" / "review.sqlite")


def test_writers_that_read_first_wait_for_each_other_and_lose_nothing(database: Database) -> None:
    """Each reads a number and writes the next: without a lock, some would write the same."""
    with database.writing() as connection:
        connection.execute(sa.insert(chain).values(id=1, length=0, head="0"))

    def add() -> None:
        for _ in range(10):
            with database.writing() as connection:
                asked = sa.select(chain.c.length).where(chain.c.id == 1).with_for_update()
                length = connection.execute(asked).scalar_one()
                connection.execute(sa.update(chain).values(length=length + 1))

    threads = [Thread(target=add) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    with database.reading() as connection:
        assert connection.execute(sa.select(chain.c.length)).scalar_one() == 80


def test_what_fails_half_way_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.writing() as connection:  # noqa: PT012
        connection.execute(sa.insert(chain).values(length=0, head="0"))
        raise RuntimeError
    with database.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(chain)).scalar_one() == 0
