"""The files of the page, found once when the server starts: no path of a browser is ever opened."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "page"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>marrowscope review</title>
<p>This installation has no page; the interface is described at <a href="/docs">/docs</a>.</p>
</html>
"""


@dataclass(frozen=True)
class PageFile:
    """Content of a file, its media type and a tag by which a browser knows it again."""

    data: bytes
    media_type: str
    tag: str


def page_files(folder: Path = FOLDER) -> Mapping[str, PageFile]:
    """All files of the page by their path below it; ``index.html`` is always there."""
    found = {
        path.relative_to(folder).as_posix(): _page_file(path.read_bytes(), path.suffix)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    found.setdefault("index.html", _page_file(_MISSING.encode(), ".html"))
    return found


def _page_file(data: bytes, suffix: str) -> PageFile:
    kind = MEDIA_TYPES.get(suffix.lower(), "text/plain; charset=utf-8")
    return PageFile(data, kind, f'"{hashlib.sha256(data).hexdigest()[:20]}"')
