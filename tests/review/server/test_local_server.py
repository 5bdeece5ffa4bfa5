"""marrowscope review: sources are opened, what is not counted is counted, the link is told."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from marrowscope.errors import InputError
from marrowscope.progress import Stage
from marrowscope.review.database.tables import smear
from marrowscope.review.server import local_server
from marrowscope.review.server.local_server import (
    database_beside,
    link,
    opened_review,
    serve_locally,
)
from marrowscope.review.server.service import Service
from marrowscope.review.sources.smear_record import SmearRecord
from support.review_client import Page
from support.review_smears import cells, record


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "smear.parquet"
    cells(6, tmp_path).write_parquet(path)
    return path


def never(kind: str, path: Path, folder: Path, progress: Stage) -> SmearRecord:
    raise AssertionError(kind)


def states(service: Service) -> list[tuple[str, str, str | None]]:
    with service.database.reading() as connection:
        asked = sa.select(smear.c.kind, smear.c.state, smear.c.failure).order_by(smear.c.id)
        return [tuple(row) for row in connection.execute(asked)]  # type: ignore[misc]


def finished(service: Service) -> None:
    assert service.enqueue is not None
    service.enqueue.__self__.finish()  # type: ignore[attr-defined]


def test_the_database_lies_beside_the_source(table: Path, tmp_path: Path) -> None:
    assert database_beside(table) == tmp_path / "smear.review.sqlite"
    assert database_beside(tmp_path) == tmp_path.parent / f"{tmp_path.name}.review.sqlite"


def test_what_was_decided_is_there_when_it_is_opened_again(table: Path) -> None:
    for _ in range(2):
        with opened_review([table], None, "anna", never) as service:
            assert states(service)[0][:2] in (("table", "counted"), ("table", "in review"))
            page = Page(service)
            with page.client:
                first = page.send("POST", "/api/smears/1/readings", {"role": "first"})
            assert first.json()["id"] == 1
            assert first.json()["reader"]["display"] == "anna"
    assert database_beside(table).is_file()


def test_crops_are_counted_in_the_background_and_a_failure_can_be_tried_again(
    table: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "crops"
    folder.mkdir()
    for path in tmp_path.glob("c*.png"):
        path.rename(folder / path.name)
    asked: list[tuple[str, str]] = []

    def count(kind: str, path: Path, reports: Path, progress: Stage) -> SmearRecord:
        asked.append((kind, path.name))
        advance = progress("classifying")
        advance(3, total=6)
        assert service.progress[1] == (3, 6, "classifying")
        if len(asked) == 1:
            raise InputError("there is no cell in it")
        return record(cells(6, folder))

    with opened_review([folder], None, "anna", count) as service:
        finished(service)
        assert states(service) == [("crops", "failed", "there is no cell in it")]
        page = Page(service)
        with page.client:
            assert page.get("/api/smears/1")["failure"] == "there is no cell in it"
            page.post("/api/smears/1/retry")
    with opened_review([folder], None, "anna", count) as service:
        finished(service)
        assert states(service) == [("crops", "counted", None)]
    assert asked == [("crops", "crops"), ("crops", "crops")]


def test_an_error_of_the_program_does_not_end_the_queue(table: Path, tmp_path: Path) -> None:
    folder = tmp_path / "crops"
    folder.mkdir()
    (tmp_path / "c0.png").rename(folder / "c0.png")
    with opened_review([folder], None, "anna", never) as service:
        finished(service)
        assert states(service)[0][1:] == (
            "failed", "an error in the program; the server's log says which"
        )  # fmt: skip


@pytest.mark.parametrize("name", ["none.svs", "text.txt"])
def test_what_cannot_be_reviewed_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.txt").write_text("text")
    with (
        pytest.raises(InputError, match=name),
        opened_review([tmp_path / name], None, None, never),
    ):
        pass


def test_the_link_is_told_when_it_can_be_opened(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    served: list[int] = []

    def run(app: object, listening: socket.socket, ready: Callable[[], None]) -> None:
        served.append(listening.getsockname()[1])
        ready()

    monkeypatch.setattr(local_server, "run_server", run)
    with opened_review([table], None, "anna", never) as service:
        serve_locally(service, None, told.append)
        assert told == [link(service, served[0])]
        assert told[0].startswith("http://127.0.0.1:")
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            taken = other.getsockname()[1]
            with pytest.raises(InputError, match=f"`port` {taken}: is in use"):
                serve_locally(service, taken, told.append)
