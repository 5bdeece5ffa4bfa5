"""The page's modules without a server: what has no DOM is tested as functions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import marrowscope

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

PAGE = Path(marrowscope.__file__).parent / "review" / "page"
HOST = "http://modules.test"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}


class PageModules:
    """Runs JavaScript that imports modules of the page."""

    def __init__(self, page: "Page") -> None:
        self._page = page

    def run(self, module: str, body: str, **given: Any) -> Any:
        """What ``body`` returns: the body of an async function of ``module`` (all that it
        exports) and ``given``."""
        names = ", ".join(given)
        code = f"""async ([path, given]) => {{
            const module = await import(path);
            const {{ {names} }} = given;
            {body}
        }}"""
        return self._page.evaluate(code, [f"/{module}", given])


@contextmanager
def page_modules(browser: "Browser") -> Iterator[PageModules]:
    """The modules, served from their files to an empty page."""
    page = browser.new_page()

    def answer(route: "Route") -> None:
        path = PAGE / route.request.url.removeprefix(f"{HOST}/")
        if not path.is_file():
            route.fulfill(body="<!doctype html>", content_type="text/html")
        else:
            route.fulfill(body=path.read_text(), content_type=_TYPES[path.suffix])

    page.route("**/*", answer)
    page.goto(HOST)
    try:
        yield PageModules(page)
    finally:
        page.close()
