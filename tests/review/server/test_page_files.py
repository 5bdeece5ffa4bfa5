"""The page is served as it lies in the package; what does not lie there is not served."""

from pathlib import Path

from marrowscope.review.database.connection import Database
from marrowscope.review.server.page_files import page_files
from support.review_client import page_of


def test_files_have_their_media_types_and_tags(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "parts" / "grid.js").write_text("export {}")
    (tmp_path / "LICENSE").write_text("MIT")
    found = page_files(tmp_path)
    assert {name: one.media_type.partition(";")[0] for name, one in found.items()} == {
        "index.html": "text/html", "parts/grid.js": "text/javascript", "LICENSE": "text/plain",
    }  # fmt: skip
    (tmp_path / "parts" / "grid.js").write_text("export {1}")
    assert page_files(tmp_path)["parts/grid.js"].tag != found["parts/grid.js"].tag


def test_without_a_page_the_start_says_where_the_interface_is(tmp_path: Path) -> None:
    assert b'href="/docs"' in page_files(tmp_path)["index.html"].data


def test_a_browser_that_has_the_file_is_told_so(database: Database) -> None:
    with page_of(database) as page:
        first = page.client.get("/")
        assert first.headers["content-type"].startswith("text/html")
        again = page.client.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
