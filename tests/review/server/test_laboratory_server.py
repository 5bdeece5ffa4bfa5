"""marrowscope server: a database, a folder of slides, people who sign in."""

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.progress import Stage
from marrowscope.review.server import laboratory_server
from marrowscope.review.server.laboratory_server import (
    LaboratorySettings,
    opened_laboratory,
    serve_laboratory,
)
from marrowscope.review.server.library_watch import LibraryWatch
from marrowscope.review.sources.smear_record import SmearRecord
from support.review_client import Page
from support.review_smears import cells, record


def counted(kind: str, path: Path, folder: Path, progress: Stage) -> SmearRecord:
    return record()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A table, a folder of crops, and something else."""
    folder = tmp_path / "library"
    (folder / "crops").mkdir(parents=True)
    cells(6, folder / "crops")
    cells(6, folder / "crops").write_parquet(folder / "table.parquet")
    (folder / "notes.txt").write_text("notes")
    (folder / ".hidden").write_text("hidden")
    return folder


@pytest.fixture
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "reviews.sqlite")


def test_the_first_start_prints_a_password_that_works(library: Path, address: str) -> None:
    told: list[str] = []
    settings = LaboratorySettings()
    with opened_laboratory(address, library, counted, None, settings, told.append) as service:
        page = Page(service, signed_in=False)
        (password,) = re.findall(r"password (\S+),", told[0])
        user = page.post("/api/login", {"name": "admin", "password": password})["user"]
        assert user["roles"] == ["admin"]
    with opened_laboratory(address, library, counted, None, settings, told.append):
        assert len(told) == 1


def test_what_lies_in_the_library_is_listed_and_counted(library: Path, address: str) -> None:
    with opened_laboratory(
        address, library, counted, None, LaboratorySettings(), lambda line: None
    ) as service:
        assert service.enqueue is not None
        watch = LibraryWatch(service.database, library, service.enqueue)
        for _ in range(2):
            watch.look(settled=-1)
        service.enqueue.__self__.finish()  # type: ignore[attr-defined]
        with service.database.reading() as connection:
            rows = connection.exec_driver_sql(
                "SELECT name, state, failure IS NOT NULL FROM smear ORDER BY name"
            ).all()
    assert [tuple(row) for row in rows] == [
        ("crops", "counted", 0), ("notes.txt", "failed", 1), ("table", "counted", 0)
    ]  # fmt: skip


def test_a_file_that_is_still_being_copied_waits(library: Path, address: str) -> None:
    for path in library.rglob("*"):
        os.utime(path, (1e9, 1e9))
    os.utime(library / "notes.txt")
    with opened_laboratory(
        address, library, counted, None, LaboratorySettings(), lambda line: None
    ) as service:
        assert service.enqueue is not None
        LibraryWatch(service.database, library, service.enqueue).look()
        with service.database.reading() as connection:
            names = connection.exec_driver_sql("SELECT name FROM smear").scalars().all()
    assert "notes.txt" not in names
    assert "table" in names


def test_it_runs_on_postgresql(library: Path, postgres_database: Callable[[], str]) -> None:
    with opened_laboratory(
        postgres_database(), library, counted, None, LaboratorySettings(), lambda line: None
    ) as service:
        assert Page(service, signed_in=False).get("/api/session")["mode"] == "server"


def test_a_missing_folder_is_one_line(tmp_path: Path, address: str) -> None:
    with (
        pytest.raises(InputError, match=r"`library` .*none: no such folder"),
        opened_laboratory(
            address, tmp_path / "none", counted, None, LaboratorySettings(), lambda line: None
        ),
    ):
        pass


def test_it_listens_where_it_is_told_and_says_so(
    library: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(laboratory_server, "run_server", lambda app, listening, ready: ready())
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        settings = LaboratorySettings(port=taken)
        with opened_laboratory(
            address, library, counted, None, settings, lambda line: None
        ) as service:
            with pytest.raises(InputError, match=f"`port` {taken} at 127.0.0.1"):
                serve_laboratory(service, settings, told.append)
            other.close()
            serve_laboratory(service, settings, told.append)
    assert told == [f"http://127.0.0.1:{taken}/"]


def test_only_the_names_it_is_given_are_answered(library: Path, address: str) -> None:
    settings = LaboratorySettings(names=("review.example.org",), https=True)
    with opened_laboratory(address, library, counted, None, settings, lambda line: None) as service:
        page = Page(service, signed_in=False)
        assert page.client.get("/api/session").status_code == 421
        own = {"Host": "review.example.org"}
        assert page.client.get("/api/session", headers=own).status_code == 200
        assert service.secure
